/**
 * Somebody who sees every packet of sessions, and tries to tell which addresses are one node's: by
 * the four bytes of its CID that a path shows as long as its epoch lasts.
 */
import { nameOfAddress } from './network.ts';
import type { SimulatedNode } from './node.ts';

export class Onlooker {
  /** CIDs that were seen between more than two addresses, and which. */
  readonly linked: string[] = [];
  /** CIDs that were seen. */
  seen = 0;
  private readonly ways = new Map<string, string>();
  private readonly sameAs = new Map<string, string>();

  watch({ endpoint }: SimulatedNode): void {
    const before = endpoint.onPacket;
    endpoint.onPacket = (packet) => {
      before?.(packet);
      this.see(packet.bytes, endpoint.sourceOf(packet.path), packet.path);
    };
  }

  /** A NAT's new mapping, by which a node goes on under its CID without knowing. */
  rebound(from: Uint8Array, to: Uint8Array): void {
    this.sameAs.set(nameOfAddress(to), this.nameOf(from));
  }

  private nameOf(address: Uint8Array): string {
    const name = nameOfAddress(address);
    return this.sameAs.get(name) ?? name;
  }

  see(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): void {
    const cid = bytes.subarray(0, 4).join();
    const way = [this.nameOf(from), this.nameOf(to)].sort().join(' - ');
    const before = this.ways.get(cid);
    if (before === undefined) {
      this.seen++;
      this.ways.set(cid, way);
    } else if (before !== way) this.linked.push(`${cid}: ${before}, ${way}`);
  }
}
