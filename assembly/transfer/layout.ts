/**
 * A session (SESSION_BYTES, core/transfer-memory.ts): which module keeps what where. Each part has
 * its own offsets in the module that is named; nobody else reads or writes them.
 */
export const enum Session {
  /** session.ts: 256 bytes. */
  HEAD = 0,
  /** path.ts: 768. */
  PATHS = 256,
  /** epoch.ts: 768 for each of two epochs. */
  EPOCHS = 1024,
  /** received.ts: 640 for each of two epochs. */
  RECEIVED = 2560,
  /** recovery.ts: 512. */
  RECOVERY = 3840,
  /** bbr.ts: 768. */
  BBR = 4352,
  /** mtu.ts: 128. */
  MTU = 5120,
  /** stream-table.ts: 512. */
  STREAMS = 5248,
  /** rekey.ts: 128. */
  REKEY = 5760,
  /** pool-share.ts: 128. */
  SHARES = 5888,
  /** sent.ts: chunks of records, a u16 each, 1024 of them. */
  SENT = 6016,
  BYTES = 8192,
}
