import { Cause, Exit, Schema, SchemaIssue } from "effect"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const toKey = (segment: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof segment === "object" ? segment.key : segment
  return typeof key === "symbol" ? String(key) : key
}

interface Fault {
  readonly path: Array<string | number>
  readonly message: string
}

/** The first fault of what does not fit a schema, by the error that says so; a check of it may have thrown instead. */
export const faultOf = (error: unknown): Fault => {
  const issue = Schema.isSchemaError(error) ? error.issue : error
  if (!SchemaIssue.isIssue(issue)) return { path: [], message: `its schema threw ${String(error)}` }
  const first = format(issue).issues[0]
  return { path: (first?.path ?? []).map(toKey), message: first?.message ?? "does not fit" }
}

/** What a schema made of a value, or what `refuse` says of its fault. */
export const orRefuse = <A, E>(exit: Exit.Exit<A, unknown>, refuse: (fault: Fault) => E): Exit.Exit<A, E> =>
  Exit.isSuccess(exit) ? (exit as Exit.Success<A>) : Exit.fail(refuse(faultOf(Cause.squash(exit.cause))))
