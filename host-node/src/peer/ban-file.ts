/**
 * The bans of a peer node in a file, over restarts:
 * {"format":1,"bans":[{"peer_id":"12D3KooW...","until_ms":1767225600000}]}, null for those without
 * an end. Mode 0600, replaced as a whole.
 */
import { dirname } from 'node:path';
import type { GateBan } from '@andvari/host-common/peer/gate';
import type { PeerBanStore } from '@andvari/host-common/peer/peer-bans';
import { peerIdBytes, peerIdText } from '@andvari/host-common/peer/peer-id';
import { z } from 'zod';
import { makeDirectory } from '../files/directory.ts';
import { removeLeftovers, replaceFileInBackground } from '../files/durable-file.ts';
import { readOwnText } from '../files/own-text-file.ts';

const FORMAT = 1;
/** As many as the gate holds (reference: peer section 8). */
const BANS_MAX = 4096;
/** So many of the longest lines are half of it. */
const FILE_BYTES_MAX = 2 ** 20;

const documentSchema = z.strictObject({
  format: z.literal(FORMAT),
  bans: z
    .array(
      z.strictObject({
        peer_id: z.string(),
        until_ms: z.number().int().nonnegative().nullable(),
      }),
    )
    .max(BANS_MAX),
});

/** The file holds no list of bans, or cannot be read. */
export class BanFileError extends Error {
  override readonly name = 'BanFileError';
  readonly code = 'ANDVARI_PEER_BANS';
  readonly path: string;

  constructor(path: string, why: string, cause?: unknown) {
    super(`${path}: ${why}`, { cause });
    this.path = path;
  }
}

/** For one node at a time: what another process writes to the file is lost. */
export class BanFile implements PeerBanStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** A file that is not there holds none. Rejects with BanFileError, DirectoryError. */
  async load(): Promise<GateBan[]> {
    makeDirectory(dirname(this.#path), 0o700);
    removeLeftovers(this.#path);
    return readBans(this.#path);
  }

  /** Rejects with what the file system says. */
  async save(bans: readonly GateBan[]): Promise<void> {
    const document = {
      format: FORMAT,
      bans: bans.map(({ peerId, untilMs }) => ({
        peer_id: peerIdText(peerId),
        until_ms: Number.isFinite(untilMs) ? untilMs : null,
      })),
    };
    await replaceFileInBackground(this.#path, `${JSON.stringify(document, null, 2)}\n`);
  }
}

/** Those in a file, which is only read; one that is not there holds none. Throws BanFileError. */
export function readBans(path: string): GateBan[] {
  const text = readOwnText(path, FILE_BYTES_MAX, (why, cause) => {
    return new BanFileError(path, why, cause);
  });
  return text === undefined ? [] : parse(path, text);
}

function parse(path: string, text: string): GateBan[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BanFileError(path, 'wanted JSON', error);
  }
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.join('.') || 'document';
    throw new BanFileError(path, `${place}: ${issue?.message ?? 'wanted a list of bans'}`);
  }
  return parsed.data.bans.map(({ peer_id, until_ms }, index) => {
    try {
      return { peerId: peerIdBytes(peer_id), untilMs: until_ms ?? Number.POSITIVE_INFINITY };
    } catch (error) {
      throw new BanFileError(path, `bans.${index}: ${(error as Error).message}`, error);
    }
  });
}
