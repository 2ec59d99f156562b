export const packageName = "@agent-runtime/schema"
