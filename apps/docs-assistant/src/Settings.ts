/**
 * What the assistant is told when it is started: the options of the command line.
 */
import { Console, Context, Effect, FileSystem, Layer, Path, Schema } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as DocumentFolder from "./library/DocumentFolder.ts"
import type { FolderError } from "./library/LibraryError.ts"

/**
 * The options that the command line takes.
 *
 * @category constants
 * @since 0.1.0
 */
export const usage = `Answers questions about folders of documents.

Usage: docs-assistant [options]

  --docs FOLDER    a folder of Markdown and text; may be given more than once
                   (default: this repository's documentation and that of Effect)
  --typescript     take the documentation comments of TypeScript modules in these folders too
  --data FILE      where conversations are kept (default: .data/docs-assistant.sqlite)
  --port PORT      the port to listen on, 0 for any free one (default: 4200)
  --host HOST      the address to listen on (default: 127.0.0.1); others than loopback need --tokens
  --tokens FILE    a JSON file with the tokens of those who may use it
  --help           this text`

/**
 * An option that makes no sense, or a data file that cannot be.
 *
 * @category errors
 * @since 0.1.0
 */
export class SettingsInvalid extends Schema.TaggedError<SettingsInvalid>()("SettingsInvalid", {
  message: Schema.String
}) {}

/**
 * What the assistant is told when it is started.
 *
 * @category services
 * @since 0.1.0
 */
export class Settings extends Context.Service<
  Settings,
  {
    readonly folders: ReadonlyArray<DocumentFolder.DocumentFolder>
    /** The SQLite file. */
    readonly data: string
    readonly host: string
    readonly port: number
    /** The file of tokens, if there is one. */
    readonly tokens: string | undefined
  }
>()("docs-assistant/Settings") {}

const options = {
  docs: { type: "string", multiple: true },
  typescript: { type: "boolean", default: false },
  data: { type: "string", default: ".data/docs-assistant.sqlite" },
  port: { type: "string", default: "4200" },
  host: { type: "string", default: "127.0.0.1" },
  tokens: { type: "string" },
  help: { type: "boolean", default: false }
} as const

const why = ({ reason }: PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "the folder around it does not exist"
    case "PermissionDenied":
      return "permission denied"
    default:
      return reason.message
  }
}

const parse = (args: ReadonlyArray<string>) =>
  Effect.try({
    try: () => parseArgs({ args: [...args], options }).values,
    catch: (error) =>
      new SettingsInvalid({
        message: `${error instanceof Error ? error.message.split(". ")[0] : String(error)} (--help lists the options)`
      })
  })

/**
 * The documentation that comes with this program, named from the current folder.
 */
const ownDocumentation = Effect.gen(function* () {
  const path = yield* Path.Path
  const fromHere = (url: string) => path.relative("", fileURLToPath(new URL(url, import.meta.url))) || "."
  return [{ folder: fromHere("../../..") }, { folder: fromHere("../../../node_modules/effect"), typescript: true }]
})

/**
 * Makes the folder of the data file. Not those around it: a mistyped path shall not leave folders behind.
 */
const makeFolder = (fs: FileSystem.FileSystem, folder: string, data: string) =>
  Effect.catch(fs.makeDirectory(folder), (error) =>
    error.reason._tag === "AlreadyExists"
      ? Effect.void
      : Effect.fail(new SettingsInvalid({ message: `The data file "${data}" cannot be made: ${why(error)}` }))
  )

/**
 * Reads the options of a command line, without the program's name. Fails `SettingsInvalid`, or with what is wrong with a folder.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  args: ReadonlyArray<string>
): Layer.Layer<Settings, SettingsInvalid | FolderError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    Settings,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const { data, docs, help, host, port: portText, tokens, typescript } = yield* parse(args)
      if (help)
        return yield* Effect.andThen(
          Console.log(usage),
          Effect.sync(() => process.exit(0))
        )
      const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 65_536
      if (port > 65_535) {
        return yield* new SettingsInvalid({ message: `--port takes a number from 0 to 65535, not "${portText}"` })
      }
      const folders = docs?.map((folder) => ({ folder, typescript })) ?? (yield* ownDocumentation)
      for (const { folder } of folders) yield* DocumentFolder.open(folder)
      yield* makeFolder(fs, path.dirname(data), data)
      return { folders, data, host, port, tokens }
    })
  )
