/** The server under test, what it is asked, and what comes of it. */

/** `ws`: over WebSocket, with TLS or in clear. */
export type TransportName = 'udp' | 'tcp' | 'ws';

/** The server under test. */
export interface Target {
  transport: TransportName;
  /** An address or a name; IPv6 without brackets. */
  host: string;
  port: number;
  /** `ws`: the whole address. */
  url?: string;
  /** Authorities to trust in the place of the system's, PEM. */
  ca?: string;
}

export class TargetError extends Error {
  readonly code = 'ANDVARI_USAGE';

  constructor(text: string) {
    const wanted = 'udp://HOST:PORT, tcp://HOST:PORT or ws://HOST:PORT/PATH (wss://)';
    super(`--target: wanted ${wanted}, got ${JSON.stringify(text)}`);
    this.name = 'TargetError';
  }
}

const HOST_FORM = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/;
const TARGET_FORM = /^(udp|tcp|wss?):\/\/([^/?#@]+)(\/[!-~]{0,255})?$/;

/** `udp://HOST:PORT`, `tcp://[IPV6]:PORT` or `wss://HOST:PORT/raida`. Throws TargetError. */
export function parseTarget(text: string): Target {
  const [, scheme, authority = '', path = '/'] = TARGET_FORM.exec(text) ?? [];
  const match = HOST_FORM.exec(authority);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!match || host === undefined || port < 1 || port > 65535) throw new TargetError(text);
  if (scheme === 'ws' || scheme === 'wss') return { transport: 'ws', host, port, url: text };
  if (path !== '/') throw new TargetError(text);
  return { transport: scheme as 'udp' | 'tcp', host, port };
}

export interface ExchangeOptions {
  /** Time for all of it. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Repetitions of a datagram that gets no reply, within the time. */
  retransmissions?: number;
  /** Bytes of the whole reply as far as those received tell; default: until the server closes. */
  wanted?: (received: Buffer) => number | undefined;
  /** More than that is read of no reply; default: as much as any reply may have. */
  bytesMax?: number;
  /** WebSocket: so many messages are all that is wanted. */
  messagesMax?: number;
  /** WebSocket: the pieces go as text. */
  isText?: boolean;
}

/** What came of a request. */
export interface Received {
  /** Empty: nothing came. */
  bytes: Buffer;
  /** The server closed the connection, in order. */
  closed: boolean;
  /** WebSocket: each message by itself, and the code by which the server closed. */
  messages?: readonly Buffer[];
  closeCode?: number;
  /** Why the exchange ended early, where the socket says so. */
  problem?: string;
  /**
   * `overlong`: more than `bytesMax` came, and `bytes` are the first of them; `unfinished`: the
   * time was over before a reply that had begun was whole.
   */
  fault?: 'overlong' | 'unfinished';
}
