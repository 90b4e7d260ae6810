/** What carries messages to a server: WebSocket and WebTransport here, `ws` in host-node. */

/** What a channel tells its owner; nothing after `closed`. */
export interface ChannelEvents {
  /** One whole message, the owner's own copy. */
  message(bytes: Uint8Array): void;
  /** A sign of life that is no message: a ping, or a part of one, where the transport sees it. */
  alive?(): void;
  /** Once, after the channel was open; `code` as in a WebSocket's close frame, 1006: cut. */
  closed(code: number, reason: string): void;
}

export interface ClientChannel {
  /** Hands a message over; it is not kept. After the end it goes nowhere. */
  send(message: Uint8Array): void;
  /** Ends the channel; `closed` is not called. */
  close(code: number, reason: string): void;
}

export type TransportName = 'webtransport' | 'websocket';

export interface ClientTransport {
  readonly name: TransportName;
  /**
   * Opens a channel. Rejects when there is none, at once with the signal's reason when it is
   * aborted; what was begun is then closed. `events` are first called after it has resolved.
   */
  connect(events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel>;
}
