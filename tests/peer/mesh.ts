/** Ten nodes in halves: QUIC and WebSocket inside of one, TCP that can be cut between them. */
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { CutWire } from './cut-wire.ts';
import { addressOf, startNode } from './nodes.ts';

export const COUNT = 10;
const HALF = COUNT / 2;
const PORT = /\/tcp\/(\d+)\//;

export class Mesh {
  readonly nodes: PeerNode[];
  /** `SENDER PROTOCOL NUMBER` of what came to each node, as often as it came. */
  readonly came: string[][];
  private readonly wires: CutWire[];

  private constructor(nodes: PeerNode[], wires: CutWire[]) {
    this.nodes = nodes;
    this.wires = wires;
    this.came = nodes.map(() => []);
    for (const [n, node] of nodes.entries()) {
      node.on('message', (message) => {
        this.came[n]?.push(nameOf(message.peerId, message.protocol, message.messageId));
      });
    }
  }

  static async start(): Promise<Mesh> {
    const listen = ['tcp', 'quic', 'ws'] as const;
    // A long run sends more than a node sends.
    const limits = { requests: 10_000, broadcasts: 10_000 };
    const nodes = await Promise.all(
      Array.from({ length: COUNT }, (_, n) => startNode(n, { listen, limits })),
    );
    const wires = nodes.map((node) => CutWire.to(Number(PORT.exec(addressOf(node, 'tcp'))?.[1])));
    return new Mesh(nodes, await Promise.all(wires));
  }

  /** Each pair once: of one address, 8 that are not verified may be there. */
  async connect(): Promise<void> {
    for (let round = 1; round < COUNT; round++) {
      const pairs = roundOf(round).map(([a, b]) => this.node(a).connect(this.address(a, b)));
      await Promise.all(pairs);
    }
  }

  node(n: number): PeerNode {
    return this.nodes[n] as PeerNode;
  }

  /** Whether two nodes are in one half. */
  isNear(a: number, b: number): boolean {
    return a < HALF === b < HALF;
  }

  cut(): void {
    for (const wire of this.wires) wire.cut();
  }

  mend(): void {
    for (const wire of this.wires) wire.mend();
  }

  /** Pairs [a, b] of which a has b verified. */
  verifiedPairs(): string[] {
    const numbers = new Map(this.nodes.map(({ peerId }, n) => [peerId, n]));
    return this.nodes.flatMap((node, a) =>
      node
        .peers()
        .filter(({ isVerified }) => isVerified)
        .map(({ peerId }) => `${a} ${numbers.get(peerId)}`),
    );
  }

  private address(a: number, b: number): string {
    const node = this.node(b);
    if (this.isNear(a, b)) return addressOf(node, (a + b) % 2 ? 'quic' : 'ws');
    const port = this.wires[b]?.port;
    return `/ip4/127.0.0.1/tcp/${port}/p2p/${node.peerId}`;
  }
}

export function nameOf(peerId: string, protocol: string, messageId: bigint): string {
  return `${peerId} ${protocol} ${messageId}`;
}

/** Who of ten meets whom in a round of nine. */
function roundOf(round: number): [number, number][] {
  const last = COUNT - 1;
  const at = (place: number) => (((round + place) % last) + last) % last;
  const others = Array.from({ length: HALF - 1 }, (_, i) => [at(i + 1), at(-i - 1)] as const);
  return [[round % last, last], ...others.map(([a, b]): [number, number] => [a, b])];
}
