import { effect, signal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { FoundPassage } from "../../../src/library/Passage.ts"
import { Markdown } from "./Markdown.tsx"

const shown = signal<FoundPassage | undefined>(undefined)

/** Opens a passage to read. */
export const openPassage = (passage: FoundPassage): void => {
  shown.value = passage
}

export const linesOf = ({ firstLine, lastLine }: FoundPassage): string =>
  firstLine === lastLine ? `${firstLine}` : `${firstLine}–${lastLine}`

export const PassageDialog = () => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(
    () =>
      effect(() => {
        if (shown.value !== undefined) dialog.current?.showModal()
      }),
    []
  )
  const passage = shown.value
  return (
    <dialog
      ref={dialog}
      aria-labelledby="passage-title"
      onClose={() => (shown.value = undefined)}
      onClick={(event) => {
        // The dialog's own box is covered by its content: this was the backdrop.
        if (event.target === event.currentTarget) event.currentTarget.close()
      }}
      data-testid="passage"
    >
      <div class="sheet">
        <header>
          <div>
            <h2 id="passage-title">{passage?.heading === "" ? passage.file : passage?.heading}</h2>
            {passage !== undefined && (
              <p class="place">
                {passage.file}, {passage.firstLine === passage.lastLine ? "line" : "lines"} {linesOf(passage)}
              </p>
            )}
          </div>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </header>
        <div class="text" tabIndex={0} role="region" aria-label="Passage">
          {passage !== undefined && <Markdown text={passage.text} />}
        </div>
      </div>
    </dialog>
  )
}
