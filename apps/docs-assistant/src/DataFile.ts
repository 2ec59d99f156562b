/**
 * The data file: where the runtimes are kept. It belongs to one process at a time, and so does what lies beside it.
 */
import type { RuntimeStore } from "@agent-runtime/core"
import type { AgentError } from "@agent-runtime/schema"
import { SqlRuntimeStore } from "@agent-runtime/store-sql"
import { Effect, Layer, Schema } from "effect"
import { Settings } from "./Settings.ts"

/**
 * Another process has the data file.
 *
 * @category errors
 * @since 0.1.0
 */
export class DataFileInUse extends Schema.TaggedError<DataFileInUse>()("DataFileInUse", {
  message: Schema.String
}) {}

const open = (filename: string) =>
  Layer.catchTag(SqlRuntimeStore.layerSqlite({ filename }), "StoreUnavailable", (error) =>
    Layer.effectContext(
      Effect.fail(
        error.reason === "in-use"
          ? new DataFileInUse({
              message: `${filename} is in use by another docs-assistant: choose another with --data`
            })
          : error
      )
    )
  )

/**
 * Opens the data file. Fails `DataFileInUse` where another process has it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<RuntimeStore.RuntimeStore, DataFileInUse | AgentError.StoreUnavailable, Settings> =
  Layer.unwrap(Effect.map(Settings, ({ data }) => open(data)))
