export const packageName = "@agent-runtime/store-sql"
