/**
 * What both ends say to each other on the stream of a file: records of type 2, length 4, body, all
 * numbers big-endian. Types and bodies are those of the reference's CONTROL extensions (transfer
 * section 9.2), without the transfer id that the stream already tells; why they go on the stream
 * says docs/decisions.md, "A file's stream is asked, not addressed".
 *
 * The receiver says ACCEPT or REJECT, then asks for chunks, as often as it likes, and says COMPLETE
 * at the end. The sender answers: the values of all chunks if ACCEPT asks for them, then each chunk
 * that was asked for, in that order; or FAILED, and nothing behind it. It may PAUSE between two.
 * Of a folder the receiver may INSPECT what it is offered before ACCEPT or REJECT: it is sent the
 * values, and the chunks that it asks for.
 */
import { CHUNK_BYTES, chunkCount, FILE_BYTES_MAX, HASH_BYTES } from './file-hash.ts';

export const RecordType = {
  /** Chunks that are wanted: first 8, count 4. */
  CHUNK_REQUEST: 0x0100,
  /** The file is taken: 1, the values of its chunks are wanted first, or 0; chunks there are 8. */
  ACCEPT: 0x0102,
  /** It is not: why, a RejectCode 4. */
  REJECT: 0x0103,
  /** The sender sends nothing until RESUME: 0. */
  PAUSE: 0x0104,
  RESUME: 0x0105,
  /** Values: first 8, n x 32. */
  CHUNK_HASHES: 0x0106,
  /** All is there and has its name: BLAKE3 of the file, 32. */
  COMPLETE: 0x0107,
  /** Ours: a chunk: its index 8, then its bytes. */
  CHUNK: 0x0110,
  /** Ours: nothing more comes: why, a FailureCode 4. */
  FAILED: 0x0111,
  /** Ours: the values of all chunks are wanted before it is said whether the file is: 0. */
  INSPECT: 0x0112,
} as const;

export const RejectCode = {
  /** Whoever decides said no. */
  REFUSED: 0,
  /** No place for it: disk full, not permitted, name in use. */
  NO_PLACE: 1,
  /** What came is not the file. */
  INTEGRITY: 2,
  /** It was given up: cancelled. */
  CANCELLED: 3,
  /** Nonsense was said. */
  PROTOCOL: 4,
  /** Ours: it has read what it wanted of it, and had never wanted it whole. */
  ENOUGH: 5,
} as const;

export const FailureCode = {
  /** The file is no longer what was offered. */
  CHANGED: 0,
  /** It cannot be read. */
  UNREADABLE: 1,
  CANCELLED: 2,
  PROTOCOL: 3,
} as const;

export type FileRecord =
  | { type: typeof RecordType.CHUNK_REQUEST; first: number; count: number }
  | { type: typeof RecordType.ACCEPT; wantsValues: boolean; have: number }
  | { type: typeof RecordType.REJECT; code: number }
  | { type: typeof RecordType.PAUSE | typeof RecordType.RESUME | typeof RecordType.INSPECT }
  | { type: typeof RecordType.CHUNK_HASHES; first: number; values: Uint8Array }
  | { type: typeof RecordType.COMPLETE; hash: Uint8Array }
  | { type: typeof RecordType.CHUNK; index: number; bytes: Uint8Array }
  | { type: typeof RecordType.FAILED; code: number };

export type RecordOf<Type> = Extract<FileRecord, { type: Type }>;

/** What came is no record of a file. */
export class FileRecordError extends Error {
  override readonly name = 'FileRecordError';
  readonly code = 'ANDVARI_FILE_RECORD';
}

/** Values that go in one record: 8192 of them, as many bytes as a chunk. */
export const VALUES_PER_RECORD = CHUNK_BYTES / HASH_BYTES;
const HEAD_BYTES = 6;
const PLACE_BYTES = 8;
/** The longest body. */
const BODY_BYTES_MAX = PLACE_BYTES + CHUNK_BYTES;
const CHUNKS_MAX = chunkCount(FILE_BYTES_MAX);

/** The bytes of a record. What it says is not looked at. */
export function encodeRecord(record: FileRecord): Uint8Array<ArrayBuffer> {
  switch (record.type) {
    case RecordType.CHUNK_REQUEST: {
      const { view, bytes } = started(record.type, PLACE_BYTES + 4);
      view.setBigUint64(0, BigInt(record.first));
      view.setUint32(PLACE_BYTES, record.count);
      return bytes;
    }
    case RecordType.ACCEPT: {
      const { view, bytes } = started(record.type, 1 + PLACE_BYTES);
      view.setUint8(0, record.wantsValues ? 1 : 0);
      view.setBigUint64(1, BigInt(record.have));
      return bytes;
    }
    case RecordType.CHUNK_HASHES:
      return withPlace(record.type, record.first, record.values);
    case RecordType.CHUNK:
      return withPlace(record.type, record.index, record.bytes);
    case RecordType.PAUSE:
    case RecordType.RESUME:
    case RecordType.INSPECT:
      return started(record.type, 1).bytes;
    case RecordType.COMPLETE: {
      const { bytes } = started(record.type, HASH_BYTES);
      bytes.set(record.hash, HEAD_BYTES);
      return bytes;
    }
    default: {
      const { view, bytes } = started(record.type, 4);
      view.setUint32(0, record.code);
      return bytes;
    }
  }
}

function started(type: number, bodyBytes: number) {
  const bytes = new Uint8Array(HEAD_BYTES + bodyBytes);
  const head = new DataView(bytes.buffer);
  head.setUint16(0, type);
  head.setUint32(2, bodyBytes);
  return { bytes, view: new DataView(bytes.buffer, HEAD_BYTES) };
}

function withPlace(type: number, place: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const { view, bytes } = started(type, PLACE_BYTES + content.length);
  view.setBigUint64(0, BigInt(place));
  bytes.set(content, HEAD_BYTES + PLACE_BYTES);
  return bytes;
}

/** Bytes of a chunk's record, at the most. */
export const CHUNK_RECORD_BYTES = HEAD_BYTES + BODY_BYTES_MAX;

/**
 * A chunk's record of `length` bytes, whose bytes are still to be written behind its head.
 * @param memory where it is made: CHUNK_RECORD_BYTES
 */
export function chunkRecord(index: number, length: number, memory: Uint8Array<ArrayBuffer>) {
  const record = memory.subarray(0, HEAD_BYTES + PLACE_BYTES + length);
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  view.setUint16(0, RecordType.CHUNK);
  view.setUint32(2, PLACE_BYTES + length);
  view.setBigUint64(HEAD_BYTES, BigInt(index));
  return { record, content: record.subarray(HEAD_BYTES + PLACE_BYTES) };
}

/**
 * Makes records of what comes in pieces of any length, in one block of memory: the longest record
 * that has come decides how large it is.
 */
export class RecordReader {
  private readonly head = new Uint8Array(HEAD_BYTES);
  private headBytes = 0;
  private block = new Uint8Array(0);
  /** Of the record that comes; in the block. */
  private body: Uint8Array<ArrayBuffer> | undefined;
  private bodyBytes = 0;

  /** Nothing more comes. @throws FileRecordError: a record was not whole */
  end(): void {
    if (this.headBytes > 0) throw new FileRecordError('the end in the middle of a record');
  }

  /**
   * The records that end in this piece; their bytes are good until the next one is asked for.
   * @throws FileRecordError
   */
  *feed(piece: Uint8Array): Generator<FileRecord> {
    for (let at = 0; at < piece.length; ) {
      at += this.takeHead(piece.subarray(at));
      if (this.body === undefined) return;
      const rest = piece.subarray(at, at + this.body.length - this.bodyBytes);
      this.body.set(rest, this.bodyBytes);
      this.bodyBytes += rest.length;
      at += rest.length;
      if (this.bodyBytes < this.body.length) return;
      const type = new DataView(this.head.buffer).getUint16(0);
      const { body } = this;
      [this.headBytes, this.body, this.bodyBytes] = [0, undefined, 0];
      yield decodeBody(type, body);
    }
  }

  /** How many bytes of the piece are the head's. */
  private takeHead(piece: Uint8Array): number {
    if (this.headBytes === HEAD_BYTES) return 0;
    const part = piece.subarray(0, HEAD_BYTES - this.headBytes);
    this.head.set(part, this.headBytes);
    this.headBytes += part.length;
    if (this.headBytes < HEAD_BYTES) return part.length;
    const length = new DataView(this.head.buffer).getUint32(2);
    // No record is empty: a body ends with a piece that has some of it.
    if (length === 0 || length > BODY_BYTES_MAX) {
      throw new FileRecordError(`a record of ${length} bytes`);
    }
    if (this.block.length < length) this.block = new Uint8Array(length);
    this.body = this.block.subarray(0, length);
    return part.length;
  }
}

function decodeBody(type: number, body: Uint8Array): FileRecord {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  switch (type) {
    case RecordType.CHUNK_REQUEST: {
      wantLength(body.length === PLACE_BYTES + 4, type, body);
      const [first, count] = [placeOf(view), view.getUint32(PLACE_BYTES)];
      if (count === 0 || first + count > CHUNKS_MAX) {
        throw new FileRecordError(`${count} chunks from ${first} on`);
      }
      return { type, first, count };
    }
    case RecordType.ACCEPT:
      wantLength(body.length === 1 + PLACE_BYTES && view.getUint8(0) <= 1, type, body);
      return { type, wantsValues: view.getUint8(0) === 1, have: countOf(view, 1) };
    case RecordType.PAUSE:
    case RecordType.RESUME:
    case RecordType.INSPECT:
      wantLength(body.length === 1 && body[0] === 0, type, body);
      return { type };
    case RecordType.CHUNK_HASHES: {
      const values = body.subarray(PLACE_BYTES);
      wantLength(values.length > 0 && values.length % HASH_BYTES === 0, type, body);
      return { type, first: placeOf(view), values };
    }
    case RecordType.CHUNK:
      wantLength(body.length > PLACE_BYTES, type, body);
      return { type, index: placeOf(view), bytes: body.subarray(PLACE_BYTES) };
    case RecordType.COMPLETE:
      wantLength(body.length === HASH_BYTES, type, body);
      return { type, hash: body };
    case RecordType.REJECT:
    case RecordType.FAILED:
      wantLength(body.length === 4, type, body);
      return { type, code: view.getUint32(0) };
    default:
      throw new FileRecordError(`a record of type 0x${type.toString(16)}`);
  }
}

function wantLength(fits: boolean, type: number, { length }: Uint8Array): void {
  if (!fits) throw new FileRecordError(`a record of type 0x${type.toString(16)}, ${length} bytes`);
}

function placeOf(view: DataView): number {
  const place = view.getBigUint64(0);
  if (place >= BigInt(CHUNKS_MAX)) throw new FileRecordError(`chunk ${place}`);
  return Number(place);
}

function countOf(view: DataView, at: number): number {
  const count = view.getBigUint64(at);
  if (count > BigInt(CHUNKS_MAX)) throw new FileRecordError(`${count} chunks`);
  return Number(count);
}
