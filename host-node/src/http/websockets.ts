/** What all WebSockets of a node have in common, whatever they carry. */
import { type ServerOptions, WebSocketServer } from 'ws';

/** A browser sends one fragment a message; more only cost memory. */
const FRAGMENTS_MAX = 64;
/** A closing peer's time to answer before its socket is cut. */
const CLOSE_TIMEOUT_MS = 1_000;

export interface MessageLimits {
  messageBytesMax: number;
  /** Pieces in which the bytes of one frame may come [what ws has]. */
  piecesMax?: number;
}

/** For ws, at either end of a connection. */
export function messageLimits({ messageBytesMax, piecesMax }: MessageLimits) {
  return {
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    maxFragments: FRAGMENTS_MAX,
    ...(piecesMax === undefined ? {} : { maxBufferedChunks: piecesMax }),
  };
}

/** Makes WebSockets of requests that somebody else listens for. */
export function webSocketServer(
  limits: MessageLimits,
  options: Pick<ServerOptions, 'handleProtocols'> = {},
): WebSocketServer {
  return new WebSocketServer({
    ...options,
    ...messageLimits(limits),
    noServer: true,
    clientTracking: false,
    // ws takes it; its type declarations do not know it yet.
    ...({ closeTimeout: CLOSE_TIMEOUT_MS } as object),
  });
}

export interface Closable {
  /** Says goodbye. */
  close(code: number, reason: string): void;
  /** Ends without a word. */
  terminate(): void;
}

/** Those that are open now. */
export class OpenConnections<T extends Closable> implements Iterable<T> {
  readonly #all = new Set<T>();
  #emptied: () => void = () => {};

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all.values();
  }

  add(connection: T): void {
    this.#all.add(connection);
  }

  /** It is closed. */
  delete(connection: T): void {
    this.#all.delete(connection);
    if (this.#all.size === 0) this.#emptied();
  }

  /** Says goodbye to all, and cuts who does not answer in a second. Resolves when all are gone. */
  async closeAll(code: number, reason: string): Promise<void> {
    if (this.#all.size === 0) return;
    const gone = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    for (const connection of this.#all) connection.close(code, reason);
    const cut = setTimeout(() => {
      for (const connection of this.#all) connection.terminate();
    }, CLOSE_TIMEOUT_MS);
    await gone;
    clearTimeout(cut);
  }
}
