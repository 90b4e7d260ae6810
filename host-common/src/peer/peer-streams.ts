/**
 * One stream for each request: a document is all that is written, and ends with the writing side.
 * Reference: peer section 2.
 */
import type { Libp2pConnection, Libp2pStream } from './libp2p.ts';
import { type Deadline, DeadlineError } from './peer-clock.ts';

/** A document is longer than may be: nothing beyond the bound was kept. */
export class DocumentTooLongError extends Error {
  override readonly name = 'DocumentTooLongError';
  readonly code = 'ANDVARI_PEER_DOCUMENT_TOO_LONG';

  constructor() {
    super('the document is too long');
  }
}

export class StreamBrokenError extends Error {
  override readonly name = 'StreamBrokenError';
  readonly code = 'ANDVARI_PEER_STREAM_BROKEN';

  constructor(cause?: unknown) {
    super('the stream has ended before its document', { cause });
  }
}

/** Streams of one protocol that a connection may have: libp2p resets what is beyond. */
export const STREAMS_MAX = 128;
/** What a peer may still send when it was told that it is too much, before its stream is reset. */
const DISCARDED_BYTES_MAX = 2 ** 20;
const BROKEN = new Set(['reset', 'aborted']);

/**
 * The document that comes. `bytesMax` is asked at each piece: what a peer may send grows when it
 * is verified. Rejects with DocumentTooLongError, StreamBrokenError, DeadlineError.
 */
export function readDocument(
  stream: Libp2pStream,
  bytesMax: () => number,
  deadline: Deadline,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let pieces: Uint8Array[] = [];
    let length = 0;
    let isTooLong = false;
    let isOver = false;
    const end = () => {
      if (isTooLong) return;
      isOver = true;
      if (BROKEN.has(stream.status)) reject(reasonOf(undefined, deadline));
      else resolve(joinedPieces(pieces, length));
      pieces = [];
    };
    stream.addEventListener('message', ({ data }) => {
      length += data.byteLength;
      if (!isTooLong && length <= bytesMax()) {
        pieces.push(data.subarray());
        return;
      }
      // The stream goes on, so that the answer arrives; what comes is thrown away.
      if (length > bytesMax() + DISCARDED_BYTES_MAX) stream.abort(new DocumentTooLongError());
      isTooLong = true;
      pieces = [];
      reject(new DocumentTooLongError());
    });
    stream.addEventListener('end', end);
    // After the document it closes too: an error with its stack is not made for that.
    stream.addEventListener('close', ({ error }) => {
      if (!isOver) reject(reasonOf(error, deadline));
    });
    deadline.whenOver(() => stream.abort(new DeadlineError()));
    if (stream.readableEnded) end();
  });
}

function joinedPieces(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = pieces;
  if (first && pieces.length === 1) return first;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function reasonOf(error: unknown, deadline: Deadline): Error {
  return deadline.isOver ? new DeadlineError() : new StreamBrokenError(error);
}

/** Writes a document and ends the writing side. */
export async function writeDocument(
  stream: Libp2pStream,
  document: Uint8Array,
  deadline: Deadline,
): Promise<void> {
  const cancel = deadline.whenOver(() => stream.abort(new DeadlineError()));
  try {
    stream.send(document);
    await stream.close();
  } catch (error) {
    throw reasonOf(error, deadline);
  } finally {
    cancel();
  }
}

/**
 * Asks on a new stream, of the first of `protocols` that the peer speaks, and gives its answer of
 * at most `bytesMax` bytes. Rejects like readDocument().
 */
export async function exchange(
  connection: Libp2pConnection,
  { protocols, document, bytesMax, deadline }: ExchangeOptions,
): Promise<{ protocol: string; answer: Uint8Array }> {
  const stream = await openStream(connection, protocols, deadline);
  try {
    const answered = readDocument(stream, () => bytesMax, deadline);
    let isWritten = false;
    const written = writeDocument(stream, documentOf(document, stream.protocol), deadline);
    written.then(() => (isWritten = true)).catch(() => {});
    const answer = await answered;
    // The answer may come before all is written: somebody wants no more of it.
    if (!isWritten) stream.abort(new StreamBrokenError());
    return { protocol: stream.protocol, answer };
  } catch (error) {
    stream.abort(error as Error);
    throw error;
  }
}

interface ExchangeOptions {
  protocols: string[];
  /** Or what makes it for the protocol that was negotiated. */
  document: Uint8Array | ((protocol: string) => Uint8Array);
  bytesMax: number;
  deadline: Deadline;
}

function documentOf(document: ExchangeOptions['document'], protocol: string): Uint8Array {
  return typeof document === 'function' ? document(protocol) : document;
}

async function openStream(
  connection: Libp2pConnection,
  protocols: string[],
  deadline: Deadline,
): Promise<Libp2pStream> {
  try {
    const { signal } = deadline;
    return await connection.newStream(protocols, { signal, maxOutboundStreams: STREAMS_MAX });
  } catch (error) {
    throw reasonOf(error, deadline);
  }
}
