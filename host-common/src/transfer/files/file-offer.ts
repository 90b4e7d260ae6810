/**
 * What a sender says of a file (reference: transfer section 9.2, format 1): the metadata of the
 * stream on which its bytes will come, where they belong in it. All numbers are big-endian.
 */
import { checkBytes } from '../argument-checks.ts';
import { CHUNK_BYTES, chunkCount, FILE_BYTES_MAX, HASH_BYTES, tooLarge } from './file-hash.ts';
import { nameProblem } from './file-names.ts';

export interface FileOffer {
  /** 32 bytes, of the sender's choice: the same file to the same receiver, the same id. */
  transferId: Uint8Array;
  /** Without folders. */
  name: string;
  /** Bytes, 0 to 2^39. */
  size: number;
  /** BLAKE3 of the file, 32 bytes. */
  hash: Uint8Array;
  /** Permissions as in Unix, 0 to 0o777. */
  mode: number;
  /** When it was changed last: microseconds since 1970. */
  modifiedUs: bigint;
  /** Its frames may be compressed (LZ4). */
  compressed: boolean;
  /** A folder: its row, of this size and hash, begins with its manifest (tree-manifest.ts). */
  isFolder: boolean;
}

/** What came is no offer, or one that nobody can keep. */
export class FileOfferError extends Error {
  override readonly name = 'FileOfferError';
  readonly code = 'ANDVARI_FILE_OFFER';
}

export const TRANSFER_ID_BYTES = 32;
const FORMAT = 1;
/** Permissions for everybody; set-user-id and the like do not travel. */
const MODE_MAX = 0o777;
const Flag = { COMPRESSED: 1, EXECUTABLE: 2, FOLDER: 4 } as const;
/** Any of the three execute bits. */
const EXECUTE = 0o111;
/** 2^63: what signed numbers elsewhere can hold. */
const TIME_MAX = 2n ** 63n;

/** Bytes in front of the name, and behind it. */
const HEAD_BYTES = 1 + TRANSFER_ID_BYTES + 1;
const TAIL_BYTES = 8 + 4 + 8 + HASH_BYTES + 4 + 8 + 1;

/** @throws FileOfferError, TypeError, RangeError */
export function encodeFileOffer(offer: FileOffer): Uint8Array<ArrayBuffer> {
  checkOffer(offer);
  const { transferId, size, hash, mode, modifiedUs } = offer;
  const name = new TextEncoder().encode(offer.name);
  const bytes = new Uint8Array(HEAD_BYTES + name.length + TAIL_BYTES);
  bytes[0] = FORMAT;
  bytes.set(transferId, 1);
  bytes[HEAD_BYTES - 1] = name.length;
  bytes.set(name, HEAD_BYTES);
  const tail = new DataView(bytes.buffer, HEAD_BYTES + name.length);
  tail.setBigUint64(0, BigInt(size));
  tail.setUint32(8, CHUNK_BYTES);
  tail.setBigUint64(12, BigInt(chunkCount(size)));
  bytes.set(hash, HEAD_BYTES + name.length + 20);
  tail.setUint32(52, mode);
  tail.setBigUint64(56, modifiedUs);
  tail.setUint8(64, flagsOf(offer));
  return bytes;
}

function flagsOf({ mode, compressed, isFolder }: FileOffer): number {
  const executable = (mode & EXECUTE) !== 0;
  return (
    (compressed ? Flag.COMPRESSED : 0) |
    (executable ? Flag.EXECUTABLE : 0) |
    (isFolder ? Flag.FOLDER : 0)
  );
}

/**
 * Reads what a peer has sent; whoever can show that it is no offer need not be told why in detail.
 * @throws FileOfferError
 */
export function decodeFileOffer(bytes: Uint8Array): FileOffer {
  const length = bytes[HEAD_BYTES - 1] ?? 0;
  const wanted = HEAD_BYTES + length + TAIL_BYTES;
  if (bytes[0] !== FORMAT) throw new FileOfferError('an offer of another format');
  if (bytes.length !== wanted) {
    throw new FileOfferError(`an offer of ${bytes.length} bytes, and ${wanted} are told`);
  }
  const tail = new DataView(bytes.buffer, bytes.byteOffset + HEAD_BYTES + length);
  const size = tail.getBigUint64(0);
  const flags = tail.getUint8(64);
  if (size > BigInt(FILE_BYTES_MAX)) throw new FileOfferError(tooLarge('a file', size));
  const offer: FileOffer = {
    transferId: bytes.slice(1, 1 + TRANSFER_ID_BYTES),
    name: textOf(bytes.subarray(HEAD_BYTES, HEAD_BYTES + length)),
    size: Number(size),
    hash: bytes.slice(HEAD_BYTES + length + 20, HEAD_BYTES + length + 20 + HASH_BYTES),
    mode: tail.getUint32(52),
    modifiedUs: tail.getBigUint64(56),
    compressed: (flags & Flag.COMPRESSED) !== 0,
    isFolder: (flags & Flag.FOLDER) !== 0,
  };
  checkOffer(offer);
  const count = tail.getBigUint64(12);
  if (tail.getUint32(8) !== CHUNK_BYTES || count !== BigInt(chunkCount(offer.size))) {
    throw new FileOfferError(`chunks of ${tail.getUint32(8)} bytes, ${count} of them`);
  }
  if (flags !== flagsOf(offer)) {
    throw new FileOfferError(`flags ${flags} of a file of mode ${offer.mode.toString(8)}`);
  }
  return offer;
}

function textOf(name: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch {
    throw new FileOfferError('a name that is not UTF-8');
  }
}

function checkOffer({ transferId, name, size, hash, mode, modifiedUs }: FileOffer): void {
  checkBytes('transferId', transferId, TRANSFER_ID_BYTES);
  checkBytes('hash', hash, HASH_BYTES);
  const problem = nameProblem(name);
  if (problem) throw new FileOfferError(`the name ${JSON.stringify(name)}: ${problem}`);
  if (!Number.isInteger(size) || size < 0 || size > FILE_BYTES_MAX) {
    throw new FileOfferError(tooLarge('a file', size));
  }
  if (!Number.isInteger(mode) || mode < 0 || mode > MODE_MAX) {
    throw new FileOfferError(`mode ${mode.toString(8)}`);
  }
  if (modifiedUs < 0n || modifiedUs >= TIME_MAX) throw new FileOfferError(`time ${modifiedUs}`);
}
