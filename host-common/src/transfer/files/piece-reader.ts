/** What comes on a stream, piece by piece, in one block of memory where the stream can. */

/** Of one piece, at the most. */
const PIECE_BYTES = 65_536;

export class PieceReader {
  private readonly own: ReadableStreamBYOBReader | undefined;
  private readonly reader: ReadableStreamBYOBReader | ReadableStreamDefaultReader<Uint8Array>;
  private memory = new ArrayBuffer(PIECE_BYTES);

  constructor(readable: ReadableStream<Uint8Array>) {
    this.own = byobReaderOf(readable);
    this.reader = this.own ?? readable.getReader();
  }

  /**
   * The next piece, good until the next call; undefined: the end. Rejects with what the stream
   * ended with. One call at a time.
   */
  async read(): Promise<Uint8Array | undefined> {
    if (!this.own) return (await (this.reader as ReadableStreamDefaultReader).read()).value;
    const { value, done } = await this.own.read(new Uint8Array(this.memory));
    if (value) this.memory = value.buffer;
    return done ? undefined : value;
  }

  cancel(reason?: unknown): Promise<void> {
    return this.reader.cancel(reason);
  }
}

/** undefined: a stream of another kind. */
function byobReaderOf(readable: ReadableStream): ReadableStreamBYOBReader | undefined {
  try {
    return readable.getReader({ mode: 'byob' });
  } catch {
    return undefined;
  }
}
