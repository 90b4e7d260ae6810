/**
 * What a server of a network tells its peers of itself: one JSON document of at most 512 bytes,
 * which has one form only. {"format":1,"raida":7,"version":"20261121","ready":true,"coins":6144,
 * "countRoot":"64 hex digits","load":12,"timeMs":1767225600000}
 */
import { createHash } from 'node:crypto';
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import { z } from 'zod';

/** The protocol of its broadcasts. */
export const STATUS_PROTOCOL = 'andvari/status/1';
const STATUS_BYTES_MAX = 512;
const FORMAT = 1;
const COUNT_MAX = 2 ** 40;

/** The order of the keys is that of the text. */
const schema = z.strictObject({
  format: z.literal(FORMAT),
  raida: z
    .number()
    .int()
    .min(0)
    .max(RAIDA_COUNT - 1),
  version: z.string().regex(/^[0-9A-Za-z.+-]{1,32}$/),
  ready: z.boolean(),
  coins: z.number().int().min(0).max(COUNT_MAX),
  countRoot: z.string().regex(/^[0-9a-f]{64}$/),
  load: z.number().int().min(0).max(COUNT_MAX),
  timeMs: z.number().int().min(0),
});

export interface PeerStatusDocument {
  raida: number;
  /** Of the program, 1 to 32 letters, digits and `.+-`. */
  version: string;
  ready: boolean;
  /** Coins in circulation. */
  coins: number;
  /** countRoot() of them: the same on servers that hold as many of each denomination. */
  countRoot: string;
  /** Requests a second, of late. */
  load: number;
  /** When it was written, by the clock of its writer. */
  timeMs: number;
}

/** Nothing that a server says of itself. */
export class PeerStatusError extends Error {
  override readonly name = 'PeerStatusError';
  readonly code = 'ANDVARI_PEER_STATUS';
}

/** Throws PeerStatusError for values that no document has. */
export function emitPeerStatus(status: PeerStatusDocument): Uint8Array {
  const parsed = schema.safeParse({ format: FORMAT, ...status });
  if (!parsed.success) throw new PeerStatusError(reasonOf(parsed.error));
  return new TextEncoder().encode(JSON.stringify(parsed.data));
}

/** Throws PeerStatusError: the message says which value, and repeats nothing of what came. */
export function parsePeerStatus(bytes: Uint8Array): PeerStatusDocument {
  if (bytes.length > STATUS_BYTES_MAX) {
    throw new PeerStatusError(`${bytes.length} bytes, ${STATUS_BYTES_MAX} at most`);
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new PeerStatusError('wanted JSON', { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new PeerStatusError(reasonOf(parsed.error));
  if (JSON.stringify(parsed.data) !== text) throw new PeerStatusError('not in its one form');
  const { format: _, ...status } = parsed.data;
  return status;
}

/**
 * SHA-256, as hex, over the coins of each denomination, the smallest first, each count in 8 bytes
 * with the highest byte first.
 */
export function countRoot(counts: Iterable<number>): string {
  const numbers = [...counts];
  const bytes = new DataView(new ArrayBuffer(8 * numbers.length));
  for (const [index, count] of numbers.entries()) bytes.setBigUint64(8 * index, BigInt(count));
  return createHash('sha256').update(new Uint8Array(bytes.buffer)).digest('hex');
}

function reasonOf({ issues: [issue] }: z.ZodError): string {
  return `${issue?.path.join('.') || 'document'}: wanted another value`;
}
