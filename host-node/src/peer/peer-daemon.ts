/**
 * The peer node of a server: it keeps a connection to those that it is told, and does for programs
 * of its user what they ask at its control socket (peer-control.ts).
 */
import { dirname } from 'node:path';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import { makeDirectory } from '../files/directory.ts';
import { ControlSocket } from '../io/control-socket.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import type { Logger } from '../log/logger.ts';
import { openPeerNode } from './open-peer-node.ts';
import { PeerControl } from './peer-control.ts';
import { readWhitelist } from './whitelist-file.ts';

export interface PeerDaemonOptions {
  /** An address and a TCP port. */
  listen: SocketAddress;
  /** The same, for WebSockets [none]. */
  websocketListen?: SocketAddress | undefined;
  networkName: string;
  instanceId: string;
  folder: string;
  keyFile: string;
  banFile: string;
  whitelistFile: string;
  controlSocket: string;
  targetPeers: number;
  /** Of each peer in 10 s. */
  requests: number;
  broadcasts: number;
  /** Finds peers of the local network, and is found there. */
  mdns: boolean;
  /** Multiaddrs with /p2p/PEER. */
  connect: readonly string[];
}

export class PeerDaemon {
  readonly node: PeerNode;
  readonly #options: PeerDaemonOptions;
  readonly #logger: Logger;
  #control: ControlSocket | undefined;

  private constructor(node: PeerNode, options: PeerDaemonOptions, logger: Logger) {
    this.node = node;
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * Listens, and dials from then on.
   * @throws WhitelistFileError, ControlError; what openPeerNode() and PeerNode.start() do
   */
  static async open(options: PeerDaemonOptions, logger: Logger): Promise<PeerDaemon> {
    const { folder, keyFile, banFile, networkName, instanceId, targetPeers, mdns } = options;
    const { requests, broadcasts } = options;
    const { listen: tcp, websocketListen: webSocket } = options;
    const files = { instanceKey: keyFile, bans: banFile };
    const node = await openPeerNode({
      ...{ folder, files },
      listen: [multiaddrOf(tcp), ...(webSocket ? [`${multiaddrOf(webSocket)}/ws`] : [])],
      ...{ networkName, instanceId, targetPeers, mdns, limits: { requests, broadcasts } },
      whitelist: readWhitelist(options.whitelistFile),
      keepConnected: options.connect,
    });
    const daemon = new PeerDaemon(node, options, logger);
    try {
      await daemon.#begin();
      return daemon;
    } catch (error) {
      await daemon.close();
      throw error;
    }
  }

  /** How others come, and what they need to have on their lists. */
  get description(): { peerId: string; key: string; addresses: string[] } {
    const { peerId, key } = this.node;
    const hex = Buffer.from(key).toString('hex');
    return { peerId, key: hex, addresses: this.node.addresses() };
  }

  /** Reads the whitelist anew; what is no list is logged, and the old one stays. */
  reload(): void {
    try {
      const keys = readWhitelist(this.#options.whitelistFile);
      this.node.replaceWhitelist(keys);
      this.#logger.info({ keys: keys.length }, 'the whitelist of peers was read');
    } catch (error) {
      this.#logger.error({ err: error }, 'the old whitelist of peers stays');
    }
  }

  async close(): Promise<void> {
    await this.#control?.close();
    await this.node.stop();
  }

  async #begin(): Promise<void> {
    const { controlSocket } = this.#options;
    this.#log();
    const control = new PeerControl(this.node);
    makeDirectory(dirname(controlSocket), 0o700);
    this.#control = await ControlSocket.open(controlSocket, (request) => control.answer(request));
    await this.node.start();
  }

  #log(): void {
    const logger = this.#logger;
    this.node.on('verified', ({ peerId, wire }) => logger.info({ peerId, wire }, 'a peer is here'));
    this.node.on('closed', ({ peerId }) => logger.info({ peerId }, 'a peer has gone'));
    this.node.on('failed', ({ peerId, reason }) => {
      logger.warn({ peerId, reason }, 'a peer was refused');
    });
    this.node.on('banned', ({ peerId, untilMs }) => {
      const until = Number.isFinite(untilMs) ? new Date(untilMs).toISOString() : 'unbanned';
      logger.warn({ peerId, until }, 'a peer is banned');
    });
    this.node.on('unreachable', ({ address, error }) => {
      logger.debug({ address, message: error.message }, 'no peer there');
    });
    this.node.on('trouble', ({ error }) => logger.error({ err: error }, 'bans cannot be kept'));
  }
}

function multiaddrOf({ host, port }: SocketAddress): string {
  return `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/${port}`;
}
