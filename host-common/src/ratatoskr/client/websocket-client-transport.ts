/** Messages over a WebSocket of the platform: one binary message each (reference: section 4). */

import type { ChannelEvents, ClientChannel, ClientTransport } from './client-channel.ts';
import { MESSAGE_BYTES_MAX, SUBPROTOCOL } from './limits.ts';

const NORMAL = 1000;
const UNSUPPORTED_DATA = 1003;
const TOO_LARGE = 1009;

export interface WebSocketClientOptions {
  /** wss: or, on this machine, ws: */
  url: string;
  /** In the place of the global. */
  WebSocket?: typeof WebSocket;
}

export class WebSocketClientTransport implements ClientTransport {
  readonly name = 'websocket';
  readonly #options: WebSocketClientOptions;
  readonly #offer = new Offer();

  constructor(options: WebSocketClientOptions) {
    this.#options = options;
  }

  /**
   * Offers the subprotocol, and connects to a server that has none as well: a platform refuses its
   * answer to an offer, so it is asked once more without one. Both within the time of the signal.
   */
  async connect(events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel> {
    let fault: unknown;
    for (const offers of this.#offer.next()) {
      signal.throwIfAborted();
      try {
        const channel = await this.#open(offers, events, signal);
        this.#offer.worked(offers);
        return channel;
      } catch (error) {
        fault = error;
      }
    }
    signal.throwIfAborted();
    throw fault;
  }

  #open(offers: boolean, events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel> {
    const { url, WebSocket: Socket = WebSocket } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
    // A browser forbids ws: from a page that came by https: that throws here.
    const socket = new Socket(url, offers ? [SUBPROTOCOL] : []);
    socket.binaryType = 'arraybuffer';
    const aborted = (): void => {
      leave(socket, NORMAL);
      reject(signal.reason);
    };
    signal.addEventListener('abort', aborted, { once: true });
    socket.onopen = () => {
      signal.removeEventListener('abort', aborted);
      listen(socket, events);
      resolve({
        send: (message) => {
          if (socket.readyState === socket.OPEN) socket.send(new Uint8Array(message));
        },
        close: (code, reason) => leave(socket, code, reason),
      });
    };
    // Every error is followed by close, so nothing listens for errors.
    socket.onclose = ({ code }) => {
      signal.removeEventListener('abort', aborted);
      reject(new Error(`no connection to ${url} (${code})`));
    };
    return promise;
  }
}

/** Of the tries after the first, every fourth without success is made both ways. */
const BOTH_WAYS_EVERY = 4;

/**
 * Whether to offer the subprotocol. A platform does not tell a server that has none from one that
 * is away, so what worked last is tried first. The other way follows at once when nothing is known
 * yet, and then now and again: browsers slow down whoever fails often, and a server may change.
 */
class Offer {
  #offers = true;
  #singleTries = 0;

  /** The ways to try, one after the other. */
  next(): boolean[] {
    if (this.#singleTries > 0) {
      this.#singleTries--;
      return [this.#offers];
    }
    this.#singleTries = BOTH_WAYS_EVERY - 1;
    return [this.#offers, !this.#offers];
  }

  worked(offers: boolean): void {
    this.#offers = offers;
    this.#singleTries = BOTH_WAYS_EVERY - 1;
  }
}

function listen(socket: WebSocket, events: ChannelEvents): void {
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (data instanceof ArrayBuffer && data.byteLength <= MESSAGE_BYTES_MAX) {
      events.message(new Uint8Array(data));
      return;
    }
    const code = data instanceof ArrayBuffer ? TOO_LARGE : UNSUPPORTED_DATA;
    leave(socket, code);
    events.closed(code, 'the server sent no message of the protocol');
  };
  socket.onclose = ({ code, reason }) => events.closed(code, reason);
}

/** Forgets the socket without waiting for its closing handshake. */
function leave(socket: WebSocket, code: number, reason = ''): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  // A browser's script may close with 1000 and with 3000 to 4999 only.
  socket.close(code === NORMAL ? NORMAL : 3000 + (code % 1000), reason);
}
