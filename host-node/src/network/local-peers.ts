/** The peer nodes of a local network: their folders and ports, and their control socket. */
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import type { PagePeerNetwork } from '../http/page-server.ts';
import { ControlError, ControlSocket } from '../io/control-socket.ts';
import type { Logger } from '../log/logger.ts';
import { type AndvariNode, RAIDA_VERSION } from '../node.ts';
import { networkFiles } from './network-state.ts';
import { type MeshAddress, NETWORK, type PeerRow, type ServerNumbers } from './peer-mesh.ts';
import { countRoot } from './peer-status.ts';
import { PeerThread } from './peer-thread.ts';

export interface LocalPeersOptions {
  dataDir: string;
  /** RAIDA id + this, and 25 more for WebSockets; 0: any free ports. */
  peerPort: number;
  logger: Logger;
  /** The servers, in order of RAIDA id; none as long as they start. */
  nodes: () => readonly AndvariNode[];
}

export class LocalPeers {
  readonly #thread: PeerThread;
  readonly #control: ControlSocket | undefined;

  private constructor(thread: PeerThread, control: ControlSocket | undefined) {
    this.#thread = thread;
    this.#control = control;
  }

  /** Listens. Rejects as PeerThread.start() does. */
  static async start({ dataDir, peerPort, logger, nodes }: LocalPeersOptions): Promise<LocalPeers> {
    const files = networkFiles(dataDir);
    const ids = Array.from({ length: RAIDA_COUNT }, (_, raidaId) => raidaId);
    const portOf = (number: number) => (peerPort === 0 ? 0 : peerPort + number);
    const numbers = new LoadMeter();
    const thread = await PeerThread.start({
      folders: ids.map((raidaId) => files.peerFolder(raidaId)),
      ports: ids.map((raidaId) => portOf(raidaId)),
      websocketPorts: ids.map((raidaId) => portOf(RAIDA_COUNT + raidaId)),
      logger,
      numbers: () => nodes().map((node) => numbers.of(node)),
    });
    return new LocalPeers(thread, await openControl(files.peersSocket, thread, logger));
  }

  /** In order of RAIDA id, as of a second ago. */
  get rows(): readonly PeerRow[] {
    return this.#thread.rows;
  }

  get addresses(): readonly MeshAddress[] {
    return this.#thread.addresses;
  }

  /** What a wallet page is told of them. */
  get description(): PagePeerNetwork {
    const nodes = this.#thread.addresses.map(({ raidaId, websocket = '', key }) => {
      return { raidaId, address: websocket, key };
    });
    return { ...NETWORK, nodes };
  }

  /** Lets in a wallet page (PeerMesh.admit()). */
  admit(peerId: string, key: Uint8Array): Promise<void> {
    return this.#thread.admit(peerId, key);
  }

  async close(): Promise<void> {
    await this.#control?.close();
    await this.#thread.close();
  }
}

/** A network does its work without it: a deep folder has no room for a socket. */
async function openControl(
  path: string,
  thread: PeerThread,
  logger: Logger,
): Promise<ControlSocket | undefined> {
  try {
    return await ControlSocket.open(path, (request) => {
      const { raida = 0, ...rest } = Object(request) as { raida?: unknown };
      if (Number.isInteger(raida)) return thread.ask(raida as number, rest);
      throw new ControlError('ANDVARI_CONTROL_PROTOCOL', 'raida: wanted a number');
    });
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    logger.warn({ err: error }, 'andvari peers cannot reach this network');
    return undefined;
  }
}

/** What each server says of itself; its load is of the time since it was last asked. */
class LoadMeter {
  readonly #before = new Map<number, { requests: number; timeMs: number }>();

  of(node: AndvariNode): ServerNumbers {
    const { requests } = node.statistics;
    const timeMs = performance.now();
    const before = this.#before.get(node.raidaId) ?? { requests: 0, timeMs: 0 };
    this.#before.set(node.raidaId, { requests, timeMs });
    const load = Math.round((1000 * (requests - before.requests)) / (timeMs - before.timeMs));
    const { ready, coins, coinCounts } = node;
    return { version: RAIDA_VERSION, ready, coins, countRoot: countRoot(coinCounts), load };
  }
}
