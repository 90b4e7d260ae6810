/**
 * A RAIDA server on the store and the port of a node that was closed, with somebody between its
 * sockets and the server who may delay requests and change replies.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { CLOUD_COIN_ID } from '@andvari/host-common/raida/coin-file';
import { FileDesk } from '@andvari/host-node/files/file-desk';
import type { SocketAddress } from '@andvari/host-node/io/packet-io';
import { PortableIo } from '@andvari/host-node/io/portable';
import type { StreamSink } from '@andvari/host-node/io/tcp';
import { networkFiles } from '@andvari/host-node/network/network-state';
import { PeerServers } from '@andvari/host-node/raida/effects/peer-servers';
import type { RequestOrigin } from '@andvari/host-node/raida/origin';
import { RaidaServer } from '@andvari/host-node/raida/server';
import type { StoreClient } from '@andvari/host-node/store/store-client';

/** Of the local network, whose stores the servers take over. */
export const PAGES_PER_DENOMINATION = 64;
const HEADER_BYTES = 32;
const CHALLENGE_BYTES = 16;

/** What a reply becomes; undefined: it stays as it is. */
export type Lie = (asked: Asked) => Told | Uint8Array | undefined;

/** A request of type 0. */
export interface Asked {
  group: number;
  command: number;
  /** Without challenge and trailer. */
  payload: Uint8Array;
  /** What the server itself would say. */
  truth: Told;
  /** The whole reply. */
  reply: Uint8Array;
}

export interface Told {
  status: number;
  payload: Uint8Array;
}

/** May be changed while the server runs, but for the last. */
export interface Interposed {
  /** How much later the server hears of a request. */
  delayMs?: ((group: number, command: number) => number) | undefined;
  lie?: Lie | undefined;
  /** Time that the 24 others have to say what a ticket stands for [32 s]. */
  peerTimeoutMs?: number;
}

interface PlacedOptions {
  raidaId: number;
  dataDir: string;
  wire: 'spec' | 'legacy';
  servers: readonly SocketAddress[];
  how: Interposed;
  storeClient: StoreClient;
}

export class PlacedServer {
  readonly #server: RaidaServer;
  readonly #io: PortableIo;

  private constructor(server: RaidaServer, io: PortableIo) {
    this.#server = server;
    this.#io = io;
  }

  static async start(options: PlacedOptions): Promise<PlacedServer> {
    const { raidaId, dataDir, wire, servers, how, storeClient } = options;
    const files = networkFiles(dataDir);
    const identity = { raidaId, coinId: CLOUD_COIN_ID, wire };
    const codec = new EngineCodec(await plainEngine(), identity);
    const timeout = how.peerTimeoutMs === undefined ? {} : { timeoutMs: how.peerTimeoutMs };
    const server = await RaidaServer.start({
      identity: { ...identity, modern: true, version: '20261121' },
      sizes: { pagesPerDenomination: PAGES_PER_DENOMINATION },
      storeClient,
      storeUrl: `sqlite:${files.store(raidaId)}`,
      outside: {
        folders: await FileDesk.open(files.folder(raidaId)),
        servers: new PeerServers({ servers, raidaId, codec, ...timeout }),
        proxy: undefined,
      },
    });
    const io = new PortableIo();
    const placed = new PlacedServer(server, io);
    try {
      await io.open(servers[raidaId] as SocketAddress, interpose(server, how));
    } catch (error) {
      await placed.close();
      throw error;
    }
    return placed;
  }

  async close(): Promise<void> {
    this.#io.stop();
    await this.#server.close();
    await this.#io.close();
  }
}

function interpose(server: RaidaServer, how: Interposed): StreamSink {
  return {
    requestLength: (head) => server.requestLength(head),
    submit(message, origin) {
      const copy = new Uint8Array(message);
      const { delayMs, lie } = how;
      const from = lie ? liar(copy, origin, lie) : origin;
      const ms = delayMs?.(copy[4] ?? 0, copy[5] ?? 0) ?? 0;
      if (ms === 0) return server.submit(copy, from);
      setTimeout(() => {
        if (!server.submit(copy, from)) from.dropped();
      }, ms);
      return true;
    },
  };
}

function liar(request: Uint8Array, origin: RequestOrigin, lie: Lie): RequestOrigin {
  const { address, local, datagram } = origin;
  const body = request.slice(HEADER_BYTES + CHALLENGE_BYTES, -2);
  return {
    ...{ address, local, datagram },
    dropped: () => origin.dropped(),
    reply: (bytes) => {
      const reply = new Uint8Array(bytes);
      const payload = reply.slice(HEADER_BYTES, -2);
      const truth = { status: reply[2] ?? 0, payload };
      const [group = 0, command = 0] = request.subarray(4, 6);
      const told = lie({ group, command, payload: body, truth, reply });
      if (told === undefined) origin.reply(reply);
      else origin.reply(told instanceof Uint8Array ? told : emitReply(reply, told));
    },
  };
}

/** The reply's own header with another status and payload. */
function emitReply(reply: Uint8Array, { status, payload }: Told): Uint8Array {
  const trailer = payload.length === 0 ? 0 : 2;
  const bytes = new Uint8Array(HEADER_BYTES + payload.length + trailer).fill(0x3e);
  bytes.set(reply.subarray(0, HEADER_BYTES));
  bytes[2] = status;
  const size = payload.length + trailer;
  bytes.set([size >> 16, (size >> 8) & 0xff, size & 0xff], 9);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}
