/**
 * What a transport (WebSocket, WebTransport) gives the Ratatoskr server: whole messages from one
 * peer, in order, and a way back. A transport knows no Ratatoskr message; the server knows no
 * socket.
 */

/** One peer's connection, whatever carries it. */
export interface MessageChannel {
  readonly transport: 'websocket' | 'webtransport';
  /** For the audit log; an address, never trusted as a name. */
  readonly remoteAddress: string;
  /** Bytes handed over and not yet taken by the network: back-pressure. */
  readonly bufferedBytes: number;
  /** One whole message. The bytes are copied or sent before the caller uses them again. */
  send(message: Uint8Array): void;
  /** Stop reading from the peer. Messages that were read already may still come. */
  pause(): void;
  /** Go on reading. */
  resume(): void;
  /** A registered device has spoken on it. */
  known(): void;
  /** WebSocket close code (RFC 6455, section 7.4), or the code of the WebTransport capsule. */
  close(code: number, reason: string): void;
}

/** What the server does with what comes out of a channel. */
export interface ChannelHandler {
  /** A binary message, at most MESSAGE_BYTES_MAX. The handler may keep the bytes. */
  message(bytes: Uint8Array): void;
  /** A text message; what it says does not matter. */
  text(): void;
  /** A frame without a message: PING or PONG of WebSocket. */
  bare(): void;
  /** The peer says nothing more and still listens: the handler closes when it has answered. */
  ended(): void;
  /** Once, whoever closed it. Nothing comes after it. */
  closed(): void;
}

/** Undefined: too many connections; the transport refuses or closes this one. */
export type AcceptChannel = (channel: MessageChannel) => ChannelHandler | undefined;

/** Where a listener's certificate comes from (webtransport/certificates.ts has two). */
export interface CertificateSource {
  /**
   * For a connection that begins now, as PEM: the same object until it is replaced. What it throws
   * leaves the one before in use.
   */
  current(nowMs: number): { readonly cert: string; readonly key: string };
}
