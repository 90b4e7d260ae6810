/** A DHT on loopback for tests: nodes of our own kind, and members of groups. */
import { Discovery } from '@andvari/host-common/discovery/discovery';
import { GroupKeys } from '@andvari/host-common/discovery/group-keys';
import type { KadNode } from '@andvari/host-common/discovery/kad-node';
import type { Places } from '@andvari/host-common/discovery/places';
import type { PeerClock } from '@andvari/host-common/peer/peer-clock';
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { openKadNode } from '@andvari/host-node/discovery/open-kad-node';
import { NodeEd25519Verifier } from '@andvari/host-node/ratatoskr/node-ed25519';
import { newIdentity } from '@andvari/host-node/transfer/node-identity';

const LISTEN = ['/ip4/127.0.0.1/tcp/0'];
/** All nodes of a test have one address. */
export const ARRIVALS_MAX = 1000;

/** All of one network; whoever has made it stops it. */
export class LocalDht {
  readonly nodes: KadNode[] = [];
  /** What is to be stopped before the nodes. */
  readonly #others: { close(): Promise<void> }[] = [];

  static async start(count: number): Promise<LocalDht> {
    const dht = new LocalDht();
    for (let i = 0; i < count; i++) await dht.addNode();
    return dht;
  }

  get bootstrap(): string[] {
    return this.nodes.slice(0, 2).flatMap((node) => node.addresses().slice(0, 1));
  }

  async addNode(): Promise<KadNode> {
    const { bootstrap } = this;
    const options = { listen: LISTEN, bootstrap, arrivalsMax: ARRIVALS_MAX };
    const node = await openKadNode({ seed: hostRandom(32), ...options });
    await node.start();
    this.nodes.push(node);
    return node;
  }

  /** Somebody who only asks. `by`: the address of the first node that it meets. */
  async addClient(by?: string): Promise<KadNode> {
    const bootstrap = by === undefined ? this.bootstrap : [by];
    const client = await openKadNode({ seed: hostRandom(32), bootstrap });
    await client.start();
    this.#others.push({ close: () => client.stop() });
    return client;
  }

  /** A member of a group; of `network`, else of a client of its own. */
  async addMember(
    secret: Uint8Array,
    { network, clock }: { network?: KadNode; clock?: PeerClock } = {},
  ): Promise<Discovery> {
    const member = new Discovery({
      network: network ?? (await this.addClient()),
      clock,
      group: new GroupKeys(secret),
      verifier: new NodeEd25519Verifier(),
    });
    this.#others.unshift(member);
    return member;
  }

  async stop(): Promise<void> {
    for (const other of this.#others) await other.close();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** Who announces, with a place of its own. */
export function holder(port: number) {
  const { peerId, signer } = newIdentity();
  const places = (): Places => ({ addresses: [{ address: Uint8Array.of(127, 0, 0, 1), port }] });
  return { peerId, signer, places };
}
