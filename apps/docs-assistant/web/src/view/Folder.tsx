import { Schema } from "effect"
import type { DocumentIndex } from "../../../src/agents/DocumentIndex.ts"
import { Progress } from "../../../src/library/IndexEvent.ts"
import { formatMillis } from "../Duration.ts"
import type { Entry } from "../EventLog.ts"

const isProgress = Schema.is(Progress)

/** How far the indexing that goes on now has come. */
const progressOf = (entries: ReadonlyArray<Entry>): Progress | undefined => {
  const last = entries.findLast((entry) => entry._tag !== "Gap" && entry._tag !== "End")
  return last?._tag === "Emissions" ? last.values.findLast(isProgress) : undefined
}

interface Props {
  readonly state: (typeof DocumentIndex.state)["Type"]
  readonly entries: ReadonlyArray<Entry>
  readonly onIndex: () => void
}

export const Folder = ({ entries, onIndex, state: { folder, indexed } }: Props) => {
  const progress = progressOf(entries)
  return (
    <section class="card">
      <h2>Folder</h2>
      <p class="place">{folder}</p>
      {progress !== undefined ? (
        <p>
          <progress max={progress.total} value={progress.files} aria-label="Indexing" /> {progress.files} of{" "}
          {progress.total} documents
        </p>
      ) : indexed === undefined ? (
        <p>Not indexed yet.</p>
      ) : (
        <p data-testid="indexed">
          {indexed.files} documents, {indexed.passages} passages; {indexed.skipped} skipped. Indexed in{" "}
          {formatMillis(indexed.millis)}.
        </p>
      )}
      <div class="actions">
        <button type="button" onClick={onIndex} data-testid="index">
          Index now
        </button>
      </div>
    </section>
  )
}
