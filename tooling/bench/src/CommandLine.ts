/** The arguments of a command: what is wrong with them is told in two lines, with exit code 2. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util"

let usage = ""

/** Ends the process: tells what is wrong, and how the command is used. */
export const refuse = (message: string): never => {
  process.stderr.write(`${message}\nusage: ${usage}\n`)
  process.exit(2)
}

/** Options and positional arguments; `--help` prints how the command is used. */
export const readArguments = <Options extends ParseArgsOptionsConfig>(
  how: string,
  options: Options,
  allowPositionals = false
) => {
  usage = how
  if (process.argv.includes("--help")) {
    console.log(`usage: ${usage}`)
    process.exit(0)
  }
  try {
    return parseArgs({ options, allowPositionals })
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}
