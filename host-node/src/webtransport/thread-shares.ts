/**
 * How much of the thread that serves everybody a connection may take. QUIC has windows for bytes,
 * not for the work that streams, requests and datagrams of no bytes make. Packets beyond the share
 * are dropped before they are opened, as a full network would, and QUIC sends slower.
 */

/** A share in milliseconds of a clock that never goes back. */
export interface ThreadShare {
  /** Whether there is time left. */
  has(nowMs: number): boolean;
  /** So much was taken, perhaps more than there was. */
  charge(ms: number): void;
}

export interface ThreadShares {
  /** Of a connection from this address whose handshake is done. */
  stranger(address: string): ThreadShare;
  /** Of one whose application knows who is there (WebTransportSession.known). */
  known(): ThreadShare;
}
