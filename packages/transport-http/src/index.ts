export const packageName = "@agent-runtime/transport-http"
