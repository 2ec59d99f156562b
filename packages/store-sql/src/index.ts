/**
 * Durable agent runtimes on SQLite and PostgreSQL.
 *
 * @since 0.1.0
 */
export * as NodeSqlite from "./NodeSqlite.ts"
export * as SqlRuntimeStore from "./SqlRuntimeStore.ts"
