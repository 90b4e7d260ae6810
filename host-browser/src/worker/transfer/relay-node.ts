/**
 * A node that lives as long as one file is sent or fetched: a new identity, and an endpoint at one
 * relay. Its peer ID is in the seal of the first message, so that only who was given it can call.
 */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';
import { equalBytes, hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { identityOf, newSeed, purposeSigner } from '@andvari/host-common/transfer/identity';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { JoinedRelay } from '@andvari/host-common/transfer/relay/joined-relay';
import type { RelayStatus } from '@andvari/host-common/transfer/relay/relay-client';
import { WebSocketRelay } from '@andvari/host-common/transfer/relay/web-socket-relay';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { WorkerFailure } from '../messages.ts';

/** One comes for a file; another may be on its way still, after a cut. */
const SESSIONS = 4;
/** What may be on its way to us, and its room: blocks of 16 KiB. */
const WINDOW_KIB = 8192;
const BLOCKS = 1024;

export interface RelayNodeOptions {
  /** Of the relay. */
  url: string;
  /** Whether others may call: whoever knows the peer ID. */
  isOpen: boolean;
  /** The connection to the relay was lost, or is there again. */
  relayChanged?: (isLost: boolean) => void;
  /** A peer that had sent us something has left the relay. */
  peerGone?: () => void;
}

export class RelayNode {
  readonly endpoint: TransferEndpoint;
  /** How others fetch what this node has. */
  readonly code: string;
  readonly #relay: JoinedRelay;
  readonly #calls: Map<AbortController, Uint8Array>;
  /** The browser has a network again, perhaps another one. */
  readonly #look = () => this.#relay.datagrams.networkChanged();

  private constructor(parts: NodeParts) {
    this.endpoint = parts.endpoint;
    this.code = parts.code;
    this.#relay = parts.relay;
    this.#calls = parts.calls;
    addEventListener('online', this.#look);
  }

  /**
   * Joins the relay; whoever opens it closes it.
   * @throws RelayError
   */
  static async open(options: RelayNodeOptions): Promise<RelayNode> {
    const { url, isOpen, relayChanged, peerGone } = options;
    const seed = newSeed(hostRandom);
    const identity = identityOf(seed);
    const signer = await purposeSigner(await hostEd25519(), seed);
    seed.fill(0);
    const calls = new Map<AbortController, Uint8Array>();
    const changed = ({ state }: RelayStatus) => relayChanged?.(state === 'connecting');
    const notHere = (peer: Uint8Array) => {
      for (const [call, peerId] of calls) if (equalBytes(peerId, peer)) call.abort(nobodyThere());
    };
    const transport = new WebSocketRelay(url);
    const { peerId } = identity;
    const relay = new JoinedRelay(
      transport,
      { peerId, signer },
      { changed, notHere, peerGone: () => peerGone?.() },
    );
    const sizes = transferSizes({ sessions: SESSIONS, blocks: BLOCKS });
    const engine = Engine.create({
      module: await plainEngine(),
      ...{ sizes, identity: CLIENT_IDENTITY },
    });
    const endpoint = await TransferEndpoint.open({
      ...{ engine, transport: relay.datagrams, identity, windowKiB: WINDOW_KIB },
      trust: () => isOpen,
    });
    const code = `${peerIdText(peerId)}@${url}`;
    return new RelayNode({ endpoint, code, relay, calls });
  }

  /**
   * A session with a peer at the relay; who is not there is not waited for.
   * @throws WorkerFailure; HandshakeError; the reason of the signal
   */
  async call(peerId: Uint8Array, signal: AbortSignal): Promise<TransferSession> {
    const absent = new AbortController();
    this.#calls.set(absent, peerId);
    try {
      const either = AbortSignal.any([signal, absent.signal]);
      return await this.endpoint.connect(peerId, this.#relay.farEndOf(peerId), { signal: either });
    } finally {
      this.#calls.delete(absent);
    }
  }

  close(): Promise<void> {
    removeEventListener('online', this.#look);
    return this.endpoint.close();
  }
}

interface NodeParts {
  endpoint: TransferEndpoint;
  code: string;
  relay: JoinedRelay;
  calls: Map<AbortController, Uint8Array>;
}

function nobodyThere(): WorkerFailure {
  const text = 'Nobody with this code is at its relay: the sender has ended, or the code is wrong.';
  return new WorkerFailure('ANDVARI_NOBODY_THERE', text);
}
