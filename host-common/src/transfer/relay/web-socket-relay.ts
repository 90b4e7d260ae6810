/** Frames to a relay over a WebSocket of the platform: one binary message each. */
import { checkText } from '../argument-checks.ts';
import { RELAY_FRAME_BYTES_MAX } from './frames.ts';
import {
  type RelayChannel,
  type RelayChannelEvents,
  RelayClose,
  type RelayTransport,
  relayHostOf,
} from './relay-channel.ts';

const NORMAL = 1000;

export class WebSocketRelay implements RelayTransport {
  readonly host: string;
  private readonly url: string;
  private readonly Socket: typeof WebSocket;

  /**
   * `url`: wss:, or ws: on this machine. `Socket`: in the place of the global.
   * @throws TypeError, RangeError: it has no host
   */
  constructor(url: string, Socket: typeof WebSocket = WebSocket) {
    checkText('url', url);
    const host = relayHostOf(url);
    if (host === undefined) throw new RangeError(`url: wanted one with a host, got ${url}`);
    this.host = host;
    this.url = url;
    this.Socket = Socket;
  }

  async connect(events: RelayChannelEvents, signal: AbortSignal): Promise<RelayChannel> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<RelayChannel>();
    // A browser forbids ws: from a page that came by https: that throws here.
    const socket = new this.Socket(this.url);
    socket.binaryType = 'arraybuffer';
    const aborted = () => {
      leave(socket, NORMAL);
      reject(signal.reason);
    };
    signal.addEventListener('abort', aborted, { once: true });
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer && data.byteLength <= RELAY_FRAME_BYTES_MAX) {
        events.message(new Uint8Array(data));
        return;
      }
      leave(socket, RelayClose.PROTOCOL);
      events.closed(RelayClose.PROTOCOL, 'it has sent no frame of a relay');
    };
    // Every error is followed by close, so nothing listens for errors.
    socket.onclose = ({ code, reason }) => {
      signal.removeEventListener('abort', aborted);
      reject(new Error(`no connection (${code})`));
      events.closed(code, reason);
    };
    socket.onopen = () => {
      signal.removeEventListener('abort', aborted);
      resolve(channelOf(socket));
    };
    return promise;
  }
}

function channelOf(socket: WebSocket): RelayChannel {
  return {
    get queuedBytes() {
      return socket.bufferedAmount;
    },
    send: (frame) => {
      if (socket.readyState === socket.OPEN) socket.send(frame);
    },
    close: (code, reason) => leave(socket, code, reason),
  };
}

/** Forgets the socket without waiting for its closing handshake. */
function leave(socket: WebSocket, code: number, reason = ''): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  // A browser's script may close with 1000 and with 3000 to 4999 only.
  socket.close(code === NORMAL || code >= 3000 ? code : 3000 + (code % 1000), reason);
}
