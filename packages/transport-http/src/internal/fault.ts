import { SchemaIssue } from "effect"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const toKey = (segment: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof segment === "object" ? segment.key : segment
  return typeof key === "symbol" ? String(key) : key
}

/** The first fault of what does not fit a schema. */
export const faultOf = (issue: SchemaIssue.Issue): { path: Array<string | number>; message: string } => {
  const first = format(issue).issues[0]
  return { path: (first?.path ?? []).map(toKey), message: first?.message ?? "does not fit" }
}
