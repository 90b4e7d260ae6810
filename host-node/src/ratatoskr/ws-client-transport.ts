/**
 * A client's messages over `ws`: like the platform's WebSocket, but with an authority or a
 * certificate of the user's own choice, and the server's pings as signs of life.
 */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type {
  ChannelEvents,
  ClientChannel,
  ClientTransport,
} from '@andvari/host-common/ratatoskr/client/client-channel';
import { MESSAGE_BYTES_MAX, SUBPROTOCOL } from '@andvari/host-common/ratatoskr/client/limits';
import { WebSocket } from 'ws';
import { CertificateRefusedError, checkPinned } from '../webtransport/server-trust.ts';

const UNSUPPORTED_DATA = 1003;
const NORMAL = 1000;

export interface WsClientOptions {
  /** wss: or, on this machine, ws: */
  url: string;
  /** Authorities to trust in the place of the system's, PEM. */
  ca?: string | undefined;
  /**
   * SHA-256 (32 bytes) of certificates to trust in their time, whoever has signed them and for
   * however long; none: as `ca` says.
   */
  certificateHashes?: readonly Uint8Array[] | undefined;
}

/** What a server has answered that takes the connection, but names no subprotocol. */
class NoSubprotocolError extends Error {}

export class WsClientTransport implements ClientTransport {
  readonly name = 'websocket';
  readonly #options: WsClientOptions;
  /** Whether the server has the subprotocol, as far as is known. */
  #offers = true;

  constructor(options: WsClientOptions) {
    this.#options = options;
  }

  /**
   * Offers the subprotocol; a server that has none is asked once more without one, and so from the
   * beginning until that fails. One that answers with another is refused.
   */
  async connect(events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel> {
    try {
      signal.throwIfAborted();
      return await this.#open(events, signal);
    } catch (error) {
      const hasNone = error instanceof NoSubprotocolError;
      this.#offers = !hasNone;
      if (!hasNone) throw error;
      signal.throwIfAborted();
      return this.#open(events, signal);
    }
  }

  #open(events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel> {
    const { url, ca, certificateHashes = [] } = this.#options;
    const isHashed = certificateHashes.length > 0;
    const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
    const offered = this.#offers ? [SUBPROTOCOL] : [];
    const socket = new WebSocket(url, offered, {
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
      minVersion: 'TLSv1.3',
      ...(ca === undefined ? {} : { ca }),
      // Looked at by its hash, before anything of ours goes out.
      ...(isHashed && { rejectUnauthorized: false }),
    });
    let hasNone = false;
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', aborted);
      if (hasNone) reject(new NoSubprotocolError(error.message, { cause: error }));
      else reject((error as NodeJS.ErrnoException).code === 'EPROTO' ? noTls(url, error) : error);
    };
    const aborted = (): void => {
      reject(signal.reason);
      socket.terminate();
    };
    signal.addEventListener('abort', aborted, { once: true });
    // Every error is followed by close; the first one says why there is no connection.
    socket.on('error', fail);
    socket.on('close', (code) => fail(new Error(`no connection to ${url} (${code})`)));
    socket.on('upgrade', (response) => {
      try {
        if (isHashed) checkPinned(certificateOf(response), certificateHashes);
        hasNone = offered.length > 0 && !response.headers['sec-websocket-protocol'];
      } catch (error) {
        fail(error as Error);
        socket.terminate();
      }
    });
    socket.on('open', () => {
      signal.removeEventListener('abort', aborted);
      socket.removeAllListeners('close');
      listen(socket, events);
      resolve(channelOf(socket));
    });
    return promise;
  }
}

/** What OpenSSL says of it is two lines for people who know its sources. */
function noTls(url: string, cause: Error): Error {
  const { host } = new URL(url);
  const isOld = cause.message.includes('protocol version');
  const problem = isOld ? 'speaks no TLS 1.3' : 'does not speak TLS as it should';
  return new Error(`${host} ${problem}`, { cause });
}

/** DER. @throws CertificateRefusedError: in clear there is none, so it is not the one meant */
function certificateOf({ socket }: IncomingMessage): Uint8Array {
  const der = (socket as Partial<TLSSocket>).getPeerCertificate?.().raw;
  if (!der) throw new CertificateRefusedError('it has shown none');
  return der;
}

function listen(socket: WebSocket, events: ChannelEvents): void {
  socket.on('ping', () => events.alive?.());
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) events.message(new Uint8Array(data));
    else socket.close(UNSUPPORTED_DATA, 'binary messages only');
  });
  socket.on('close', (code, reason) => events.closed(code, reason.toString()));
}

function channelOf(socket: WebSocket): ClientChannel {
  return {
    send: (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(message);
    },
    close: (code, reason) => {
      socket.removeAllListeners('message');
      socket.removeAllListeners('close');
      socket.close(code === NORMAL ? NORMAL : 3000 + (code % 1000), reason);
    },
  };
}
