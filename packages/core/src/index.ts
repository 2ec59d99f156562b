export const packageName = "@agent-runtime/core"
