/** The limits that the suite counts on. */
export const limits = {
  mailboxCapacity: 8,
  receiptRetention: 16,
  deadLetterCapacity: 3,
  logRetention: 16,
  maxPayloadBytes: 4096
} as const
