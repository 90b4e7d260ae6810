/** How an effect ended (assembly/core/layout.ts, EffectStatus). */
export interface EffectResult {
  status: number;
  /** What goes to the block's RESULT; wiped when it is there. */
  bytes?: Uint8Array;
  /** The reason of a FAILED or UNREACHABLE, for a log; names no file and no secret. */
  problem?: string;
}
