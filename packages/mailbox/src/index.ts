export const packageName = "@agent-runtime/mailbox"
