/** Real TCP servers for tests, behind a door that can hold requests back, and their clients. */
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec, type SealedRequest } from '@andvari/host-common/raida/codec';
import { expect } from 'vitest';
import { FileDesk } from '../../files/file-desk.ts';
import type { RequestOrigin } from '../../raida/origin.ts';
import { RaidaServer } from '../../raida/server.ts';
import { StoreClient } from '../../store/store-client.ts';
import type { SocketAddress } from '../packet-io.ts';
import { type StreamSink, TcpListener, type TcpOptions } from '../tcp.ts';
import { TcpClient } from './tcp-client.ts';

const RAIDA_ID = 14;
const ANY_PORT = { host: '127.0.0.1', port: 0 };
export const WITHIN_MS = 60_000;
/** How long silence lasts before it counts. */
export const SILENCE_MS = 60;
/** For vi.waitFor. */
export const SOON = { timeout: WITHIN_MS, interval: 2 };

/** Hands requests to the real server, holds them back, or says that there is no room. */
export class Door implements StreamSink {
  readonly held: { message: Uint8Array; origin: RequestOrigin }[] = [];
  hold = false;
  refusals = 0;
  offers = 0;
  /** Bytes of the newest request. */
  bytes = 0;
  readonly #server: RaidaServer;

  constructor(server: RaidaServer) {
    this.#server = server;
  }

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    this.offers++;
    this.bytes = message.length;
    if (this.refusals > 0) {
      this.refusals--;
      return false;
    }
    if (!this.hold) return this.#server.submit(message, origin);
    this.held.push({ message: Buffer.from(message), origin });
    return true;
  }

  requestLength(head: Uint8Array): number {
    return this.#server.requestLength(head);
  }

  /** What was held goes to the server. */
  release(): void {
    for (const { message, origin } of this.held.splice(0)) this.#server.submit(message, origin);
  }
}

export class TcpPlace {
  readonly #storeClient: StoreClient;
  readonly #server: RaidaServer;
  readonly #codec: EngineCodec;
  readonly #listeners: TcpListener[] = [];
  readonly #clients: TcpClient[] = [];

  private constructor(storeClient: StoreClient, server: RaidaServer, codec: EngineCodec) {
    this.#storeClient = storeClient;
    this.#server = server;
    this.#codec = codec;
  }

  /** One server with an empty store in memory. */
  static async make(): Promise<TcpPlace> {
    const storeClient = new StoreClient();
    const server = await RaidaServer.start({
      identity: { raidaId: RAIDA_ID, coinId: 6, wire: 'spec', version: '20260101' },
      sizes: { pagesPerDenomination: 8, frames: 64, ringEntries: 64, journalRecords: 8192 },
      storeClient,
      storeUrl: 'memory:',
      // There is no such folder, so there are no files.
      outside: {
        folders: await FileDesk.open('/proc/none'),
        servers: undefined,
        proxy: undefined,
      },
    });
    const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
    return new TcpPlace(storeClient, server, codec);
  }

  async listen(options: TcpOptions = {}, at: SocketAddress = ANY_PORT) {
    const door = new Door(this.#server);
    const listener = new TcpListener(options);
    this.#listeners.push(listener);
    const address = await listener.open(at, door);
    return { listener, address, door };
  }

  async connect(address: SocketAddress, from?: string): Promise<TcpClient> {
    const client = await TcpClient.connect(address, from);
    this.#clients.push(client);
    return client;
  }

  /** An echo with `extra` bytes of payload. */
  echo(extra = 0): SealedRequest {
    const payload = new Uint8Array(extra).fill(0x5a);
    return this.#codec.seal({ raidaId: RAIDA_ID, group: 0, command: 0, payload });
  }

  /** Still a server: an echo on a connection of its own. */
  async expectAlive(address: SocketAddress): Promise<void> {
    const [client, sealed] = [await this.connect(address), this.echo()];
    await client.send(sealed.bytes);
    await expectReply(client, sealed);
  }

  /** Ends what a test has opened. */
  async clear(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.destroy();
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  async remove(): Promise<void> {
    await this.#server.close();
    await this.#storeClient.close();
  }
}

/** The client has the reply to `sealed` and nothing else, and the server has closed. */
export async function expectReply(
  client: TcpClient,
  sealed: SealedRequest,
  status: number = Status.SUCCESS,
): Promise<void> {
  expect(await client.ending(WITHIN_MS)).toBe('ended');
  expect(sealed.open(client.received).status).toBe(status);
}

/** The connection is over, and no byte came. */
export async function expectNothing(client: TcpClient): Promise<void> {
  expect(await client.ending(WITHIN_MS)).not.toBe('open');
  expect(client.received.length).toBe(0);
}
