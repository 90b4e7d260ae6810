/** The worker's side of the peer panel: this browser's keys, one node, and what its peers tell. */

import type { PeerMessage } from '@andvari/host-common/peer/peer-events';
import { peerIdOfKey, peerIdText } from '@andvari/host-common/peer/peer-id';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';
import { openPeerNode } from '../../peer/open-peer-node.ts';
import { hexOf } from '../../storage/device-key.ts';
import { openPeerKeys } from '../../storage/peer-keys.ts';
import type { Vault } from '../../storage/sealed-wallet-store.ts';
import type { HandlerContext } from '../message-server.ts';
import { registerDemoPeer } from '../page-server.ts';
import { type PeerStatus, statusIn } from '../peers-in.ts';
import { ViewWatchers } from '../view-watchers.ts';
import type { PeerConnect, PeerPanelView, PeerRowView, PeerState } from './peer-messages.ts';
import { type PeerTarget, readTargets } from './peer-words.ts';

/** Ages are told once a second. */
const TICK_MS = 1_000;
/** Handshakes at a time: 8 that are not verified may be there from one address. */
const DIALS_MAX = 4;
const STATUS_PROTOCOL = 'andvari/status/1';

interface Row {
  readonly target: PeerTarget;
  state: PeerState;
  why: string;
  heard: number;
  status?: PeerStatus & { readonly atMs: number };
}

type Identity = Omit<PeerPanelView, 'peers'>;

interface OpenNode {
  readonly node: PeerNode;
  readonly network: string;
  /** Instance keys that may take part. */
  readonly keys: Map<string, Uint8Array>;
}

export class PeerDesk {
  readonly #vault: Vault;
  readonly #identity: Identity;
  readonly #watchers = new ViewWatchers();
  readonly #rows = new Map<string, Row>();
  #open: OpenNode | undefined;

  private constructor(vault: Vault, identity: Identity) {
    this.#vault = vault;
    this.#identity = identity;
  }

  /** Throws DeviceKeyError, SealError, DatabaseError. */
  static async open(vault: Vault): Promise<PeerDesk> {
    const { libp2pSeed, signer, locked } = await openPeerKeys(vault);
    const { publicKey } = await (await hostEd25519()).signer(libp2pSeed);
    libp2pSeed.fill(0);
    const peerId = peerIdText(peerIdOfKey(publicKey));
    return new PeerDesk(vault, { peerId, key: hexOf(signer.publicKey), locked });
  }

  watch(context: HandlerContext<'peerWatch'>): Promise<null> {
    const isMoving = () => this.#rows.size > 0;
    return this.#watchers.watch(context, { view: () => this.#view(), tickMs: TICK_MS, isMoving });
  }

  /** Throws WorkerFailure for words that name no peer, or one that this page cannot reach. */
  async connect(words: PeerConnect): Promise<null> {
    const targets = readTargets(words);
    const [{ network } = { network: '' }] = targets;
    const node = await this.#nodeFor(network, targets);
    if (words.demo && targets.some(({ raidaId }) => raidaId !== undefined)) {
      const { peerId, key: keyHex } = this.#identity;
      await registerDemoPeer({ peerId, keyHex });
    }
    for (const target of targets) {
      this.#rows.set(target.peerId, { target, state: 'connecting', why: '', heard: 0 });
    }
    this.#watchers.changed();
    const waiting = [...targets];
    const dial = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.#dial(node, next);
    };
    await Promise.all(Array.from({ length: DIALS_MAX }, dial));
    return null;
  }

  async disconnect(): Promise<null> {
    const open = this.#open;
    this.#open = undefined;
    this.#rows.clear();
    await open?.node.stop();
    this.#watchers.changed();
    return null;
  }

  async #dial(node: PeerNode, { peerId, address }: PeerTarget): Promise<void> {
    try {
      await node.connect(address);
      this.#set(peerId, 'verified');
    } catch (error) {
      this.#set(peerId, 'failed', (error as Error).message);
    }
  }

  /** Of another network there is another node. */
  async #nodeFor(network: string, targets: readonly PeerTarget[]): Promise<PeerNode> {
    if (this.#open?.network !== network) await this.disconnect();
    const { node, keys } = this.#open ?? (await this.#start(network));
    for (const { key, peerId } of targets) {
      keys.set(hexOf(key), key);
      // Whoever asks for it means it: it may have been banned for a key that was mistyped here.
      node.unban(peerId);
    }
    node.replaceWhitelist([...keys.values()]);
    return node;
  }

  async #start(network: string): Promise<OpenNode> {
    const [networkName = '', instanceId = ''] = network.split('/');
    const vault = this.#vault;
    // It is nobody's way to others: whoever tells it something has told them too.
    const shape = { whitelist: [], forwardsBroadcasts: false };
    const node = await openPeerNode({ vault, networkName, instanceId, ...shape });
    node.on('message', (message) => this.#take(message));
    node.on('failed', ({ peerId, reason }) => this.#set(peerId, 'failed', FAILURES[reason]));
    node.on('closed', ({ peerId }) => this.#gone(peerId));
    await node.start();
    const open = { node, network, keys: new Map<string, Uint8Array>() };
    this.#open = open;
    return open;
  }

  #take({ kind, peerId, protocol, payload }: PeerMessage): void {
    const row = this.#rows.get(peerId);
    if (row === undefined || kind !== 'broadcast') return;
    row.heard++;
    const { raidaId } = row.target;
    const isStatus = protocol === STATUS_PROTOCOL && raidaId !== undefined;
    const status = isStatus ? statusIn(payload, raidaId) : undefined;
    if (status !== undefined) row.status = { ...status, atMs: Date.now() };
    this.#watchers.changed();
  }

  #set(peerId: string, state: PeerState, why = ''): void {
    const row = this.#rows.get(peerId);
    if (row === undefined) return;
    // What the node itself has said tells more than that there is no connection.
    if (state !== 'failed' || row.state !== 'failed') row.why = why;
    row.state = state;
    this.#watchers.changed();
  }

  #gone(peerId: string): void {
    if (this.#rows.get(peerId)?.state === 'verified') {
      this.#set(peerId, 'failed', ENDED);
    }
  }

  #view(): PeerPanelView {
    const peers = [...this.#rows.values()].map((row): PeerRowView => {
      const { target, state, why, heard, status } = row;
      const { peerId, address, raidaId } = target;
      return {
        ...{ peerId, address, state, why, heard },
        ...(raidaId === undefined ? {} : { raidaId }),
        ...(status && { status: ageOf(status) }),
      };
    });
    return { ...this.#identity, peers };
  }
}

function ageOf({ atMs, ...status }: NonNullable<Row['status']>) {
  return { ...status, ageMs: Math.max(0, Date.now() - atMs) };
}

const ENDED = 'The connection has ended; it may not have the key of this page on its list.';
const FAILURES = {
  TIMEOUT: 'It did not prove who it is in 30 s; the clocks may differ.',
  BANNED: 'It is banned here: its key is not the one that was given, or it broke the rules.',
  HANDSHAKES: 'It tried to prove who it is, and could not.',
  REMOVED: 'Its key is on the list no more.',
  VERSION: 'It is a peer of another network, or of another version.',
} as const;
