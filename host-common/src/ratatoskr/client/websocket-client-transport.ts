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

  constructor(options: WebSocketClientOptions) {
    this.#options = options;
  }

  connect(events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel> {
    const { url, WebSocket: Socket = WebSocket } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
    if (signal.aborted) return Promise.reject(signal.reason);
    // A browser forbids ws: from a page that came by https: that throws here, into the promise.
    const socket = new Socket(url, SUBPROTOCOL);
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
