export * as PrioritizedMailbox from "./PrioritizedMailbox.ts"
