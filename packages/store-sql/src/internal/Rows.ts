// Many rows in one statement, in the form that each database takes fastest (by 1000 rows of a log: SQLite 450,000 rows/s with
// VALUES against 190,000 through json_each; PostgreSQL 117,000 with arrays against 68,000 with VALUES).
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

export type Value = string | number | null

export interface Column {
  readonly name: string
  readonly type: "bigint" | "text"
}

const quoted = /["\\]/g

// PostgreSQL's own notation for arrays: drivers cannot tell the type of an array of nulls, the database can.
const arrayLiteral = (rows: ReadonlyArray<ReadonlyArray<Value>>, column: number): string => {
  let out = "{"
  for (let i = 0; i < rows.length; i++) {
    if (i > 0) out += ","
    const value = rows[i]![column]
    out +=
      value === null || value === undefined
        ? "NULL"
        : typeof value === "number"
          ? value
          : `"${value.replace(quoted, "\\$&")}"`
  }
  return `${out}}`
}

const maxParameters = 32_766
// The text of a statement depends on its number of rows: sizes up to this many are worth keeping prepared.
const maxRows = 512

/**
 * Runs `before SELECT-or-VALUES after` over the rows. In `before` and `after` the rows are whatever an `INSERT` makes of
 * them; their columns are those given, in order. Answers what `after` returns.
 */
export const insert = (
  sql: SqlClient,
  options: {
    readonly table: string
    readonly columns: ReadonlyArray<Column>
    readonly rows: ReadonlyArray<ReadonlyArray<Value>>
    readonly after?: string
  }
): Effect.Effect<ReadonlyArray<object>, SqlError> => {
  const { after = "", columns, rows, table } = options
  if (rows.length === 0) return Effect.succeed([])
  const names = columns.map((column) => column.name).join(", ")
  if (isPostgres(sql)) {
    const arrays = columns.map((column, i) => `$${i + 1}::${column.type}[]`).join(", ")
    return sql.unsafe(
      `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays}) ${after}`,
      columns.map((_, i) => arrayLiteral(rows, i))
    )
  }
  const row = `(${columns.map(() => "?").join(",")})`
  return chunked(rows, Math.min(maxRows, Math.floor(maxParameters / columns.length)), (chunk) =>
    sql.unsafe(
      `INSERT INTO ${table} (${names}) VALUES ${Array.from(chunk, () => row).join(",")} ${after}`,
      chunk.flat()
    )
  )
}

/** Runs a statement over a set of integers; `in` is the condition that a column is among them. */
export const among = (
  sql: SqlClient,
  numbers: ReadonlyArray<number>,
  statement: (among: (column: string) => string) => string
): Effect.Effect<ReadonlyArray<object>, SqlError> => {
  if (numbers.length === 0) return Effect.succeed([])
  if (isPostgres(sql)) {
    return sql.unsafe(
      statement((column) => `${column} = ANY($1::bigint[])`),
      [`{${numbers.join(",")}}`]
    )
  }
  return chunked(numbers, maxRows, (chunk) =>
    sql.unsafe(
      statement((column) => `${column} IN (${chunk.map(() => "?").join(",")})`),
      chunk
    )
  )
}

const chunked = <A>(
  all: ReadonlyArray<A>,
  size: number,
  run: (chunk: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<object>, SqlError>
): Effect.Effect<ReadonlyArray<object>, SqlError> => {
  if (all.length <= size) return run(all)
  const chunks: Array<ReadonlyArray<A>> = []
  for (let i = 0; i < all.length; i += size) chunks.push(all.slice(i, i + size))
  return Effect.map(Effect.forEach(chunks, run), (answers) => answers.flat())
}

const isPostgres = (sql: SqlClient): boolean => sql.onDialectOrElse({ pg: () => true, orElse: () => false })
