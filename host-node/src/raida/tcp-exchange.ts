import { connect } from 'node:net';

export interface TcpExchangeOptions {
  host: string;
  port: number;
  /** A reply that announces more is refused. */
  replyBytesMax: number;
  /** Gives up: the connection is cut. */
  signal: AbortSignal;
}

/** A connection without a whole reply; `connected` tells whether the request may have arrived. */
export class TcpExchangeError extends Error {
  readonly code = 'ANDVARI_TCP_EXCHANGE';
  override readonly name = 'TcpExchangeError';
  readonly connected: boolean;

  constructor(message: string, connected: boolean, options?: ErrorOptions) {
    super(message, options);
    this.connected = connected;
  }
}

/**
 * One request and one reply on a connection of its own, as the server closes it afterwards
 * (reference: RAIDA section 5). The reply is complete when the size in its header (bytes 9-11) is
 * there; with fewer bytes before the end, what came is returned for the codec to judge, as long as
 * it holds a header.
 * @throws TcpExchangeError
 */
export function exchangeOverTcp(
  request: Uint8Array,
  { host, port, replyBytesMax, signal }: TcpExchangeOptions,
): Promise<Uint8Array> {
  const headerBytes = (request[16] ?? 0) <= 2 ? 32 : 48;
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let received = 0;
    let wanted = 0;
    let connected = false;
    const socket = connect({ host, port, noDelay: true, signal });
    const fail = (problem: string, cause?: unknown) => {
      socket.destroy();
      reject(new TcpExchangeError(problem, connected, { cause }));
    };
    const finish = () => {
      if (received < 32) return fail(`the connection ended after ${received} bytes of a reply`);
      socket.destroy();
      const reply = Buffer.concat(parts);
      return resolve(new Uint8Array(wanted > 0 ? reply.subarray(0, wanted) : reply));
    };
    socket.on('connect', () => {
      connected = true;
      socket.write(request);
    });
    socket.on('data', (part) => {
      parts.push(part);
      received += part.length;
      if (wanted === 0 && received >= 12) {
        wanted = headerBytes + Buffer.concat(parts).readUIntBE(9, 3);
        if (wanted > replyBytesMax) return fail(`a reply of ${wanted} bytes was announced`);
      }
      if (wanted > 0 && received >= wanted) finish();
      return undefined;
    });
    socket.on('end', finish);
    socket.on('error', (cause) => fail(cause.message, cause));
  });
}
