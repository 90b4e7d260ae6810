/** What a test of peers puts into a page: the node of a browser, and where it keeps its keys. */
import { PeerRefusalError } from '@andvari/host-common/peer/peer-answers';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { openPeerNode } from '../../host-browser/src/peer/open-peer-node.ts';
import { SealedWalletStore } from '../../host-browser/src/storage/sealed-wallet-store.ts';

const DATABASE = 'peer';
const PASSPHRASE = 'copper kettle under the falls';

/** As a test says it: keys are arrays, a clock is so far behind. */
export interface PagePeerOptions {
  networkName: string;
  instanceId: string;
  whitelist: number[][];
  behindMs?: number;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function openVault() {
  const isThere = await SealedWalletStore.exists(DATABASE);
  const store = isThere
    ? await SealedWalletStore.open(DATABASE, PASSPHRASE)
    : await SealedWalletStore.create(DATABASE, PASSPHRASE);
  return store.vault('peer');
}

/** Of the page, which is opened anew by a reload. */
export class PagePeer {
  /** Texts of what came. */
  readonly came: string[] = [];
  readonly failed: string[] = [];
  private readonly node: PeerNode;

  private constructor(node: PeerNode) {
    this.node = node;
    node.on('message', ({ kind, protocol, payload }) => {
      this.came.push(`${kind} ${protocol} ${new TextDecoder().decode(payload)}`);
    });
    node.on('failed', ({ reason }) => this.failed.push(reason));
    node.handle('echo', ({ payload }) => payload);
    node.handle('other', ({ payload }) => ({ kind: 'protocol', data: payload }));
    node.handle('none', () => {
      throw new PeerRefusalError(403, 'not you');
    });
  }

  static async start({ whitelist, behindMs = 0, ...names }: PagePeerOptions): Promise<PagePeer> {
    const node = await openPeerNode({
      ...names,
      vault: await openVault(),
      whitelist: whitelist.map((key) => Uint8Array.from(key)),
      clock: {
        nowMs: () => Date.now() - behindMs,
        after: (delayMs, run) => {
          const timer = setTimeout(run, delayMs);
          return () => clearTimeout(timer);
        },
      },
    });
    const peer = new PagePeer(node);
    await node.start();
    return peer;
  }

  /** Its instance key, its peer id, and where it listens. */
  get facts(): { key: number[]; peerId: string; addresses: string[] } {
    const { key, peerId } = this.node;
    return { key: [...key], peerId, addresses: this.node.addresses() };
  }

  get verified(): string[] {
    return this.node.peers().flatMap(({ peerId, isVerified }) => (isVerified ? [peerId] : []));
  }

  get banned(): string[] {
    return this.node.bannedPeers().map(({ peerId }) => peerId);
  }

  /** The peer id, or the code of why not and its message. */
  connect(address: string): Promise<string> {
    return this.node
      .connect(address)
      .catch(({ code, message, cause }) => `${code}: ${cause?.message ?? message}`);
  }

  /** `kind text`, or `kind code`. */
  async send(peerId: string, protocol: string, text: string): Promise<string> {
    const answer = await this.node.send(peerId, protocol, bytesOf(text));
    if (answer.kind === 'error') return `error ${answer.code}`;
    return `${answer.kind} ${new TextDecoder().decode(answer.data ?? new Uint8Array())}`;
  }

  /** To how many peers it went. */
  async broadcast(protocol: string, text: string): Promise<number> {
    return (await this.node.broadcast(protocol, bytesOf(text))).peers;
  }

  ban(peerId: string): void {
    this.node.ban(peerId);
  }

  stop(): Promise<void> {
    return this.node.stop();
  }
}

/** The code and the words of the error with which a node that is to listen is refused. */
async function listen(): Promise<string> {
  const asked = { listen: ['/ip4/127.0.0.1/tcp/0/ws'] };
  const names = { networkName: 'testnet', instanceId: 'inst-1', whitelist: [] };
  const refused = openPeerNode({ ...names, ...asked, vault: await openVault() });
  return refused.then(
    () => 'it listens',
    ({ code, message }) => `${code}: ${message}`,
  );
}

export interface PeerBundle {
  PagePeer: typeof PagePeer;
  listen: typeof listen;
}

Object.assign(globalThis, { peers: { PagePeer, listen } satisfies PeerBundle });
