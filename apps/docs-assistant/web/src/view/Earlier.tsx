import { useSignal } from "@preact/signals"

interface Props {
  /** Of what. */
  readonly what: string
  readonly onFetch: () => Promise<unknown>
}

/** A button that fetches what was before. */
export const Earlier = ({ onFetch, what }: Props) => {
  const isFetching = useSignal(false)
  const fetch = async () => {
    isFetching.value = true
    await onFetch()
    isFetching.value = false
  }
  return (
    <button
      type="button"
      class="earlier"
      aria-disabled={isFetching.value}
      onClick={() => {
        if (!isFetching.value) void fetch()
      }}
      data-testid="earlier"
    >
      {isFetching.value ? "Loading…" : `Earlier ${what}`}
    </button>
  )
}
