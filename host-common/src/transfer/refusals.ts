/**
 * What callers are told that get no session: the same packet for each repeat of their message 3, as
 * the first may be lost, and a second one would be another text under the same key.
 */
import { nameOf } from './byte-strings.ts';
import type { Datagram } from './datagram-transport.ts';
import { closePacket } from './first-packet.ts';
import { HALF_OPEN_MAX } from './half-open.ts';
import type { Agreed } from './handshake-outcome.ts';

export interface Refusal {
  /** Of the handshake. */
  cid: Uint8Array;
  /** A CloseError. */
  error: number;
  /** So short that the packet is no longer than message 3. */
  reason: string;
}

export class Refusals {
  /** By the CID of the handshake, oldest first. */
  private readonly told = new Map<string, Datagram>();

  /** For a handshake that has just come to its end. */
  add(agreed: Agreed, farEnd: Uint8Array, { cid, error, reason }: Refusal): Datagram {
    for (const oldest of this.told.keys()) {
      if (this.told.size < HALF_OPEN_MAX) break;
      this.told.delete(oldest);
    }
    const bytes = closePacket(agreed, error, reason);
    const datagram = { bytes, farEnd: Uint8Array.from(farEnd) };
    this.told.set(nameOf(cid), datagram);
    return datagram;
  }

  /** What the caller of a handshake was told; undefined: it has a session. */
  of(cid: Uint8Array): Datagram | undefined {
    return this.told.get(nameOf(cid));
  }
}
