/**
 * Frames to a relay over `ws`: like the platform's WebSocket, but with an authority or a
 * certificate of the user's own choice, and with what one turn sends in one write.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { checkObject, checkText } from '@andvari/host-common/transfer/argument-checks';
import type { RelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import {
  type RelayChannel,
  type RelayChannelEvents,
  RelayClose,
  type RelayTransport,
  relayHostOf,
} from '@andvari/host-common/transfer/relay/relay-channel';
import { WebSocket } from 'ws';
import { messageLimits } from '../../http/websockets.ts';
import { CertificateRefusedError, checkPinned } from '../../webtransport/server-trust.ts';
import { PIECES_MAX, RELAY_FRAME_BYTES_MAX } from './limits.ts';

const NORMAL = 1000;
/** For the relay's half of the closing handshake; one that is not there any more says nothing. */
const CLOSE_MS = 2_000;

/** Without certificates that are known by their hash it is as `ca` says. */
export interface WsRelayOptions extends RelayAddress {
  /** Authorities to trust in the place of the system's, PEM. */
  ca?: string | undefined;
}

export class WsRelay implements RelayTransport {
  readonly host: string;
  readonly #options: WsRelayOptions;

  /** @throws TypeError, RangeError: the address has no host, or is none of a WebSocket */
  constructor(options: WsRelayOptions) {
    checkObject('options', options);
    checkText('url', options.url);
    const host = /^wss?:/i.test(options.url) ? relayHostOf(options.url) : undefined;
    if (host === undefined) throw new RangeError(`url: wanted a wss:// one, got ${options.url}`);
    this.host = host;
    this.#options = options;
  }

  connect(events: RelayChannelEvents, signal: AbortSignal): Promise<RelayChannel> {
    const { promise, resolve, reject } = Promise.withResolvers<RelayChannel>();
    signal.throwIfAborted();
    const { certificateHashes: hashes = [] } = this.#options;
    const socket = this.#socket();
    let below: Socket | undefined;
    const aborted = () => {
      leave(socket, NORMAL, '');
      socket.terminate();
      reject(signal.reason);
    };
    signal.addEventListener('abort', aborted, { once: true });
    const fail = (error: Error) => {
      signal.removeEventListener('abort', aborted);
      reject((error as NodeJS.ErrnoException).code === 'EPROTO' ? noTls(error) : error);
    };
    // Every error is followed by close; the first one says why there is no connection.
    socket.on('error', fail);
    socket.on('upgrade', (response) => {
      below = response.socket;
      if (hashes.length === 0) return;
      try {
        // Before anything of ours goes out.
        checkPinned(certificateOf(response), hashes);
      } catch (error) {
        fail(error as Error);
        leave(socket, NORMAL, '');
        socket.terminate();
      }
    });
    socket.on('open', () => {
      signal.removeEventListener('abort', aborted);
      below?.setNoDelay(true);
      resolve(channelOf(socket, below));
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        events.message(new Uint8Array(data.buffer, data.byteOffset, data.length));
        return;
      }
      leave(socket, RelayClose.PROTOCOL, '');
      events.closed(RelayClose.PROTOCOL, 'it has sent a text');
    });
    socket.on('close', (code, reason) => {
      fail(new Error(`no connection (${code})`));
      events.closed(code, reason.toString());
    });
    return promise;
  }

  #socket(): WebSocket {
    const { url, ca, certificateHashes: hashes = [] } = this.#options;
    return new WebSocket(url, [], {
      ...messageLimits({ messageBytesMax: RELAY_FRAME_BYTES_MAX, piecesMax: PIECES_MAX }),
      minVersion: 'TLSv1.3',
      ...(ca === undefined ? {} : { ca }),
      ...(hashes.length > 0 && { rejectUnauthorized: false }),
    });
  }
}

/** What OpenSSL says of it is two lines for people who know its sources. */
function noTls(cause: Error): Error {
  const isOld = cause.message.includes('protocol version');
  return new Error(isOld ? 'it speaks no TLS 1.3' : 'it does not speak TLS as it should', {
    cause,
  });
}

/** DER. @throws CertificateRefusedError: in clear there is none, so it is not the one meant */
function certificateOf({ socket }: IncomingMessage): Uint8Array {
  const der = (socket as Partial<TLSSocket>).getPeerCertificate?.().raw;
  if (!der) throw new CertificateRefusedError('it has shown none');
  return der;
}

function channelOf(socket: WebSocket, below: Socket | undefined): RelayChannel {
  let gathers = false;
  const release = () => {
    gathers = false;
    below?.uncork();
  };
  return {
    get queuedBytes() {
      return socket.bufferedAmount;
    },
    send: (frame) => {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (!gathers) {
        gathers = true;
        below?.cork();
        process.nextTick(release);
      }
      // A failure is told by the close that follows it.
      socket.send(frame, { binary: true }, () => {});
    },
    close: (code, reason) => leave(socket, code, reason),
  };
}

/** Forgets the socket; the other half of the closing handshake is awaited for 2 s. */
function leave(socket: WebSocket, code: number, reason: string): void {
  for (const event of ['message', 'close', 'upgrade', 'open']) socket.removeAllListeners(event);
  socket.removeAllListeners('error').on('error', () => {});
  const isOpen = socket.readyState === WebSocket.OPEN;
  if (!isOpen) return;
  socket.close(code === NORMAL ? NORMAL : 3000 + (code % 1000), reason);
  // The socket, not this, is what keeps a process from its end.
  setTimeout(() => socket.terminate(), CLOSE_MS).unref();
}
