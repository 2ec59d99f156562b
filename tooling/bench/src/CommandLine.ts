/** The arguments of a command: what is wrong with them is told in two lines, with exit code 2. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util"

/** Options, positional arguments, and how to refuse them; `--help` prints how the command is used. */
export const readArguments = <Options extends ParseArgsOptionsConfig>(
  usage: string,
  options: Options,
  allowPositionals = false
) => {
  const refuse = (message: string): never => {
    process.stderr.write(`${message}\nusage: ${usage}\n`)
    process.exit(2)
  }
  if (process.argv.includes("--help")) {
    console.log(`usage: ${usage}`)
    process.exit(0)
  }
  try {
    return { ...parseArgs({ options, allowPositionals }), refuse }
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}
