/** What carries frames to a relay: a WebSocket of the platform here, `ws` in host-node. */

/** What a channel tells its owner; nothing after `closed`. */
export interface RelayChannelEvents {
  /** One whole binary message, the owner's own. It may come before connect() has resolved. */
  message(bytes: Uint8Array): void;
  /** Once; `code` as in a WebSocket's close frame, 1006: cut. */
  closed(code: number, reason: string): void;
}

export interface RelayChannel {
  /** Bytes handed over that the network has not taken yet. */
  readonly queuedBytes: number;
  /** Hands a frame over; its bytes are the channel's from then on. After the end it is lost. */
  send(frame: Uint8Array<ArrayBuffer>): void;
  /** Ends the channel; `closed` is not called. */
  close(code: number, reason: string): void;
}

export interface RelayTransport {
  /** Name or address of the relay as dialed (relayHostOf): what a subscription is signed for. */
  readonly host: string;
  /**
   * Opens a channel. Rejects when there is none, at once with the signal's reason when it is
   * aborted; what was begun is then closed.
   */
  connect(events: RelayChannelEvents, signal: AbortSignal): Promise<RelayChannel>;
}

/** How a relay ends a connection, besides the codes of RFC 6455. */
export const RelayClose = {
  GOING_AWAY: 1001,
  PROTOCOL: 1002,
  /** The key is not the client's, or the name is not the relay's. */
  REFUSED: 4001,
  /** A newer connection has the key. */
  REPLACED: 4002,
  /** No subscription came in time. */
  LATE: 4003,
  /** Nothing came for too long. */
  SILENT: 4004,
} as const;

/** The path of a relay's WebSocket. */
export const RELAY_PATH = '/relay';

/**
 * The host of a wss: or ws: address as both ends write it in what is signed: lower case, without a
 * port, IPv6 without brackets. undefined: there is none in it.
 */
export function relayHostOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return /^[\x21-\x7e]{1,255}$/.test(host) ? host : undefined;
}
