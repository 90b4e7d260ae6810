/** Datagrams that anybody may send, whether he has seen others or not: a seed gives the same. */
import type { Datagram } from '@andvari/host-common/transfer/datagram-transport';
import { writeFarEnd } from '@andvari/host-common/transfer/far-end';
import {
  emitFirst,
  HandshakeKeys,
  Marker,
  markerCid,
} from '@andvari/host-common/transfer/handshake-messages';

type Random = (below: number) => number;

/** Real ones that are remembered; the newest take the place of any. */
const SEEN_MAX = 400;
const DATAGRAM_MAX = 1500;
/** Longer than UDP has them, and than a batch has room for: a transport of one's own may. */
const HUGE = [65_507, 65_535, 65_664, 100_000, 700_000];
/** Lengths at which something begins: heads, messages, what is answered by a reset. */
const EDGES = [0, 1, 4, 7, 8, 24, 43, 51, 52, 80, 95, 96, 112, 144, 608];
const MARKER_BYTES = 8;

export class WildDatagrams {
  private readonly random: Random;
  private readonly seen: Uint8Array[] = [];
  private readonly keys: HandshakeKeys[];
  private readonly names: Uint8Array[];

  /** Nodes that are known to everybody: their Noise keys, and where they are. */
  constructor(random: Random, nodes: readonly { key: Uint8Array; farEnd: Uint8Array }[]) {
    this.random = random;
    this.keys = nodes.map(({ key }) => new HandshakeKeys(key));
    this.names = nodes.map(({ farEnd }) => farEnd);
  }

  /** A real one has gone by. */
  see(bytes: Uint8Array): void {
    const at = this.seen.length < SEEN_MAX ? this.seen.length : this.random(SEEN_MAX);
    this.seen[at] = bytes.slice();
  }

  /** From anywhere, or in the name of somebody who is there. */
  next(): Datagram {
    // A flood of these from a network keeps others of it out (reference: transfer, section 2).
    if (this.random(12) === 0) return { bytes: this.first(), farEnd: this.stranger() };
    const kinds = [
      () => this.garbage(),
      () => this.marked(),
      () => this.flipped(),
      () => this.flipped(),
      () => this.resized(),
      () => this.spliced(),
      () => this.headed(),
      () => this.real(),
    ];
    const bytes = kinds[this.random(kinds.length)]?.() ?? this.garbage();
    const known = this.random(2) && this.names[this.random(this.names.length)];
    return { bytes, farEnd: known || this.stranger() };
  }

  private stranger(): Uint8Array {
    const address = this.bytes(16);
    if (this.random(2)) address.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192]);
    return writeFarEnd({ address, port: this.random(65_536), handle: 0 });
  }

  private bytes(count: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: count }, () => this.random(256));
  }

  private real(): Uint8Array<ArrayBuffer> {
    const real = this.seen[this.random(this.seen.length)];
    return real ? Uint8Array.from(real) : this.garbage();
  }

  private garbage(): Uint8Array<ArrayBuffer> {
    if (this.random(2000) === 0) return new Uint8Array(HUGE[this.random(HUGE.length)] ?? 0);
    const edge = EDGES[this.random(EDGES.length)] ?? 0;
    return this.bytes(this.random(3) ? this.random(DATAGRAM_MAX) : edge + this.random(2));
  }

  /** One that says what it is: a handshake, a version reply, a retry, a reset, no session. */
  private marked(): Uint8Array {
    const bytes = this.garbage();
    const head = this.random(5);
    bytes.fill(head === 4 ? 0 : 0xff, 0, MARKER_BYTES);
    if (head > 0 && head < 4 && bytes.length >= MARKER_BYTES) bytes[7] = 0xff - head;
    return bytes;
  }

  /** A message 1 with a good MAC, as whoever knows the peer ID can make it. */
  private first(): Uint8Array {
    const keys = this.keys[this.random(this.keys.length)];
    if (!keys) return this.garbage();
    const cid = this.random(2) ? markerCid(Marker.FIRST) : this.bytes(8);
    const offUs = (this.random(3) - 1) * this.random(130) * 1e6;
    const timestamp = Date.now() * 1000 + offUs;
    const [representative, random] = [this.bytes(32), this.bytes(28)];
    const first = emitFirst(keys, { cid, timestamp, representative, random });
    const bytes = new Uint8Array(first.length + this.random(40));
    bytes.set(first);
    return bytes;
  }

  private flipped(): Uint8Array {
    const bytes = this.real();
    for (let left = 1 + this.random(3); left && bytes.length; left--) {
      const at = this.random(this.random(2) ? Math.min(bytes.length, 12) : bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << this.random(8));
    }
    return bytes;
  }

  private resized(): Uint8Array {
    const bytes = this.real();
    if (this.random(2)) return bytes.subarray(0, this.random(bytes.length + 1));
    const longer = new Uint8Array(bytes.length + this.random(100));
    longer.set(bytes);
    return longer;
  }

  /** The beginning of one and the end of another. */
  private spliced(): Uint8Array {
    const [head, tail] = [this.real(), this.real()];
    const cut = this.random(Math.min(head.length, tail.length) + 1);
    tail.set(head.subarray(0, cut));
    return tail;
  }

  /** The CID of a real one, at another number, before anything. */
  private headed(): Uint8Array {
    const bytes = this.garbage();
    const head = this.real().subarray(0, 4 + this.random(5));
    bytes.set(head.subarray(0, bytes.length));
    return bytes;
  }
}
