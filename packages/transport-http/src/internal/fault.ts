import { Schema, SchemaIssue } from "effect"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const toKey = (segment: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof segment === "object" ? segment.key : segment
  return typeof key === "symbol" ? String(key) : key
}

/** The first fault of what does not fit a schema, by the error that says so; a check of it may have thrown instead. */
export const faultOf = (error: unknown): { path: Array<string | number>; message: string } => {
  const issue = Schema.isSchemaError(error) ? error.issue : error
  if (!SchemaIssue.isIssue(issue)) return { path: [], message: `its schema threw ${String(error)}` }
  const first = format(issue).issues[0]
  return { path: (first?.path ?? []).map(toKey), message: first?.message ?? "does not fit" }
}
