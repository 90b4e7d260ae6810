/**
 * The servers of one network as verified peers of each other: a peer node for each, which dials
 * those before it, tells its status and hears those of the others. Reference: peer.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import { hostPeerClock } from '@andvari/host-common/peer/peer-clock';
import { DialLimit, PeerDialler } from '@andvari/host-common/peer/peer-dialler';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { openPeerKeys, openPeerNode } from '../peer/open-peer-node.ts';
import { PeerControl } from '../peer/peer-control.ts';
import { emitPeerStatus, type PeerStatusDocument, STATUS_PROTOCOL } from './peer-status.ts';
import { StatusBoard } from './status-board.ts';

export interface MeshOptions {
  /** Of each server, in order of RAIDA id: where its two keys and its bans are. */
  folders: readonly string[];
  /** Its TCP port; 0: any free one. */
  ports: readonly number[];
  /** The same for the WebSockets of wallet pages [none can come]. */
  websocketPorts?: readonly number[] | undefined;
}

/** What a server says of itself beside its number. */
export type ServerNumbers = Omit<PeerStatusDocument, 'raida' | 'timeMs'>;

/** One server, as the others see it. */
export interface PeerRow {
  raidaId: number;
  /** Verified peers, of so many others. */
  verified: number;
  others: number;
  /** Others that have heard its status. */
  heardBy: number;
  /** Of its latest status; undefined: nobody has heard one. */
  version?: string;
  load?: number;
  coins?: number;
  countRoot?: string;
  /** Milliseconds since the last one came, at that one of the others where it is longest ago. */
  ageMs?: number;
  /** Statuses that it has refused. */
  refused: number;
}

export interface MeshAddress {
  raidaId: number;
  peerId: string;
  /** Multiaddr. */
  address: string;
  /** The same for pages, where it has one. */
  websocket?: string;
  /** Its instance key, 64 hex digits. */
  key: string;
}

const HOST = '127.0.0.1';
export const NETWORK = { networkName: 'andvari', instanceId: 'local-network' };
/** A connection of this machine that breaks is closed at once: nobody has to ask. */
const PING_MS = 600_000;
/** A handshake of all the layers takes 25 ms of one core. */
const DIALS_MAX = 4;
/** Peers that are none of the servers: the last so many that were let in. */
const GUESTS_MAX = 16;

interface Member {
  node: PeerNode;
  board: StatusBoard;
  control: PeerControl;
  dialler?: PeerDialler;
}

export class PeerMesh {
  readonly #members: readonly Member[];
  /** Keys of peers that are none of the servers, by their hex digits. */
  readonly #guests = new Map<string, Uint8Array>();

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** Listens, and dials from then on. Rejects as openPeerNode() and PeerNode.start() do. */
  static async start({ folders, ports, websocketPorts }: MeshOptions): Promise<PeerMesh> {
    const keys: Uint8Array[] = [];
    for (const folder of folders) {
      const { libp2pSeed, signer } = await openPeerKeys(folder);
      libp2pSeed.fill(0);
      keys.push(signer.publicKey);
    }
    const members: Member[] = [];
    const codec = PeerCodec.create({ module: await plainEngine() });
    try {
      for (const [raida, folder] of folders.entries()) {
        const listen = [`/ip4/${HOST}/tcp/${ports[raida] ?? 0}`];
        if (websocketPorts) listen.push(`/ip4/${HOST}/tcp/${websocketPorts[raida] ?? 0}/ws`);
        const own = { folder, listen, pingMs: PING_MS, codec, whitelist: keys };
        const shape = { targetPeers: Math.max(1, keys.length), forwardsBroadcasts: false };
        const node = await openPeerNode({ ...own, ...shape, ...NETWORK });
        members.push(member(node, keys));
        await node.start();
      }
    } catch (error) {
      await Promise.all(members.map(({ node }) => node.stop()));
      throw error;
    }
    const limit = new DialLimit(DIALS_MAX);
    for (const [raida, one] of members.entries()) {
      const addresses = members.slice(0, raida).map(({ node }) => addressOf(node));
      const host = { clock: hostPeerClock, random: hostRandom };
      one.dialler = new PeerDialler({ node: one.node, addresses, limit, ...host });
    }
    return new PeerMesh(members);
  }

  get addresses(): MeshAddress[] {
    return this.#members.map(({ node }, raidaId) => {
      const websocket = node.addresses().find((address) => WEBSOCKET.test(address));
      return {
        ...{ raidaId, peerId: node.peerId, address: addressOf(node) },
        ...(websocket && { websocket }),
        key: hexOf(node.key),
      };
    });
  }

  /** Each server tells its status to its peers. Throws PeerStatusError for what is none. */
  async tell(numbers: readonly ServerNumbers[], timeMs = Date.now()): Promise<void> {
    const told = this.#members.flatMap(({ node }, raida) => {
      const own = numbers[raida];
      if (!own) return [];
      return [node.broadcast(STATUS_PROTOCOL, emitPeerStatus({ raida, ...own, timeMs }))];
    });
    await Promise.all(told);
  }

  rows(nowMs = Date.now()): PeerRow[] {
    return this.#members.map(({ board }, raidaId) => {
      const others = this.#members.filter((_, other) => other !== raidaId);
      const heard = others.flatMap((other) => other.board.heard(raidaId) ?? []);
      const latest = heard.reduce<(typeof heard)[0] | undefined>(
        (best, one) => (best && best.status.timeMs >= one.status.timeMs ? best : one),
        undefined,
      );
      const since = Math.min(...heard.map(({ heardMs }) => heardMs));
      return {
        raidaId,
        verified: board.verifiedCount,
        others: others.length,
        heardBy: heard.length,
        ...(latest && { ...shown(latest.status), ageMs: Math.max(0, nowMs - since) }),
        refused: board.refused,
      };
    });
  }

  /** For `andvari peers`: what the server with this number answers. Throws as PeerControl does. */
  async ask(raidaId: number, request: unknown): Promise<object> {
    const member = this.#members[raidaId];
    if (!member) throw new RangeError(`there is no server ${raidaId}`);
    return member.control.answer(request);
  }

  /**
   * Lets in a peer that is none of the servers, as long as the network runs: it may take part as
   * they do, and its bans are over. `key`: its instance key, 32 bytes. Throws RangeError for an id
   * that is none.
   */
  admit(peerId: string, key: Uint8Array): void {
    for (const { node } of this.#members) node.unban(peerId);
    const hex = hexOf(key);
    this.#guests.delete(hex);
    this.#guests.set(hex, key);
    for (const oldest of this.#guests.keys()) {
      if (this.#guests.size <= GUESTS_MAX) break;
      this.#guests.delete(oldest);
    }
    const keys = [...this.#members.map(({ node }) => node.key), ...this.#guests.values()];
    for (const { node } of this.#members) node.replaceWhitelist(keys);
  }

  async stop(): Promise<void> {
    for (const { dialler } of this.#members) dialler?.stop();
    await Promise.all(this.#members.map(({ node }) => node.stop()));
  }
}

function shown({ version, load, coins, countRoot }: PeerStatusDocument) {
  return { version, load, coins, countRoot };
}

function member(node: PeerNode, keys: readonly Uint8Array[]): Member {
  const board = new StatusBoard(keys, Date.now);
  node.on('verified', (event) => board.verified(event));
  node.on('closed', (event) => board.closed(event));
  node.on('message', (message) => board.take(message));
  return { node, board, control: new PeerControl(node) };
}

const WEBSOCKET = /\/ws\/p2p\//;

function addressOf(node: PeerNode): string {
  return node.addresses().find((address) => !WEBSOCKET.test(address)) ?? '';
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
