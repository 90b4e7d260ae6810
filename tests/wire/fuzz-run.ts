/**
 * One running server and its readable twin: each request goes to both, over a real socket to the
 * server, and the replies are equal to the byte but for the execution time.
 */
import type { WireName } from '@andvari/host-common/engine/configuration';
import { Random, Region } from '@andvari/host-common/engine/generated/layout';
import { RANDOM_POOL_BYTES, RECORD_BYTES } from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';
import { TcpClient } from '@andvari/host-node/io/testing/tcp-client';
import { UdpPeer } from '@andvari/host-node/io/testing/udp-peer';
import { Dice } from '../engine/twin-run.ts';
import { basePages, IDENTITY, PAGES } from '../engine/vector-state.ts';
import { TwinServer } from '../twin/raida-twin.ts';
import type { TwinCoin, TwinRecord } from '../twin/twin-coins.ts';
import { buildRequest } from '../twin/twin-wire.ts';
import { VECTOR_ADMIN_KEY, VECTOR_RAIDA_ID } from '../twin/vector-state.ts';
import { FuzzRequests } from './fuzz-requests.ts';
import type { VectorServer } from './vector-server.ts';
import { WebSocketPeer } from './websocket-peer.ts';

export type Transport = 'udp' | 'tcp' | 'websocket';
const TRANSPORTS: readonly Transport[] = ['udp', 'udp', 'udp', 'websocket', 'websocket', 'tcp'];

/** How long anything may take; no reply within it is a hung connection. */
const BOUND_MS = 60_000;
/** How the endpoint closes on what is no request. */
const NOT_A_REQUEST = 1007;
const WIDE_BYTES = 48;
const HEADER_BYTES = 32;

/** What happened to one request, in words that can be compared. */
export interface Exchanged {
  transport: Transport;
  damage: string;
  request: string;
  server: string;
  twin: string;
}

export class FuzzRun {
  readonly dice: Dice;
  readonly requests: FuzzRequests;
  readonly #place: VectorServer;
  readonly #wire: WireName;
  readonly #twin: TwinServer;
  readonly #udp: UdpPeer;
  readonly #websocket: WebSocketPeer;
  #count = 0;
  readonly #pattern = Buffer.alloc(4);

  static async make(place: VectorServer, options: { wire: WireName; seed: number; url: string }) {
    const pages = await basePages();
    const udp = await UdpPeer.open({ host: '127.0.0.1', port: place.port });
    return new FuzzRun(place, options, { pages, udp });
  }

  private constructor(
    place: VectorServer,
    { wire, seed, url }: { wire: WireName; seed: number; url: string },
    { pages, udp }: { pages: ReadonlyMap<string, Uint8Array>; udp: UdpPeer },
  ) {
    this.#place = place;
    this.#wire = wire;
    this.#udp = udp;
    this.#websocket = new WebSocketPeer(url);
    this.dice = new Dice(seed);
    this.#twin = new TwinServer({
      ...{ raidaId: VECTOR_RAIDA_ID, wire, modern: true, pages: PAGES },
      ...{ version: IDENTITY.version, adminKey: VECTOR_ADMIN_KEY },
      blank: (coin) => baseRecord(pages, coin),
      random: (count) => Buffer.alloc(count, this.#pattern),
    });
    this.requests = new FuzzRequests(this.dice, this.#twin, wire);
  }

  /** One drawn request over a drawn transport. */
  next(): Promise<Exchanged> {
    const { request, damage } = this.requests.next();
    return this.exchange(this.dice.pick(TRANSPORTS), request, damage);
  }

  /** An echo over every transport. */
  async echoes(): Promise<Exchanged[]> {
    const all: Exchanged[] = [];
    for (const transport of ['udp', 'tcp', 'websocket'] as const) {
      all.push(await this.exchange(transport, this.#echo(), 'none'));
    }
    return all;
  }

  async exchange(transport: Transport, request: Buffer, damage: string): Promise<Exchanged> {
    this.#randomness();
    const wanted = this.#ask(transport, request);
    if (wanted && givesTicket(request, wanted)) this.requests.tickets.push(this.#ticket());
    const server = await this.#send(transport, request, wanted === null);
    const masked = (reply: Buffer) => withoutTime(reply, request).toString('hex');
    return {
      ...{ transport, damage },
      request: request.toString('hex'),
      server: typeof server === 'string' ? server : masked(server),
      twin: wanted === null ? silenceOf(transport) : masked(wanted),
    };
  }

  async close(): Promise<void> {
    this.#websocket.terminate();
    await this.#udp.close();
  }

  #ask(transport: Transport, request: Buffer): Buffer | null {
    const wanted = this.#twin.answer(request, {
      transport: transport === 'websocket' ? 'message' : transport,
      local: true,
    });
    return wanted && transport === 'tcp' && keyOfHalfRequest(request, wanted) ? null : wanted;
  }

  /** A number that 2/40 would have given with the random bytes of this exchange. */
  #ticket(): Buffer {
    return Buffer.from(this.#pattern);
  }

  /** The next random bytes of the engine, known and never the same twice. */
  #randomness(): void {
    this.#pattern.writeUInt32BE(++this.#count);
    const { engine } = this.#place.server;
    const pool = engine.region(Region.RANDOM);
    const bytes = engine.u8.subarray(pool + Random.BYTES, pool + Random.BYTES + RANDOM_POOL_BYTES);
    bytes.set(Buffer.alloc(RANDOM_POOL_BYTES, this.#pattern));
    const taken = engine.u32[(pool + Random.TAKEN) >>> 2] ?? 0;
    engine.u32[(pool + Random.FILLED) >>> 2] = taken + RANDOM_POOL_BYTES;
  }

  #echo(): Buffer {
    const [payload, nonce] = [this.dice.bytes(3), this.dice.bytes(8)];
    const echo = { raidaId: VECTOR_RAIDA_ID, group: 0, command: 0, payload, nonce };
    return buildRequest(this.#wire, echo).bytes;
  }

  #send(transport: Transport, request: Buffer, silent: boolean): Promise<Buffer | string> {
    if (transport === 'udp') return this.#sendUdp(request, silent);
    return transport === 'tcp' ? this.#sendTcp(request, silent) : this.#sendMessage(request);
  }

  /** Silence: the next thing that the server says is its answer to the next request. */
  async #sendUdp(request: Buffer, silent: boolean): Promise<Buffer | string> {
    this.#udp.send(request);
    if (!silent) return (await this.#udp.receive(BOUND_MS)) ?? 'nothing within the bound';
    const echo = await this.exchange('udp', this.#echo(), 'none');
    return echo.server === echo.twin ? silenceOf('udp') : `not silent: ${echo.server}`;
  }

  async #sendTcp(request: Buffer, silent: boolean): Promise<Buffer | string> {
    const client = await TcpClient.connect({ host: '127.0.0.1', port: this.#place.port });
    const cut = this.dice.roll(request.length + 1);
    await client.send(request.subarray(0, cut), request.subarray(cut));
    if (silent || this.dice.roll(2)) client.end();
    const ending = await client.ending(BOUND_MS);
    const { received } = client;
    client.destroy();
    if (ending === 'open') return 'open after the bound';
    return received.length > 0 ? received : silenceOf('tcp');
  }

  async #sendMessage(request: Buffer): Promise<Buffer | string> {
    const heard = await this.#websocket.ask(request, BOUND_MS);
    if (!heard) return 'nothing within the bound';
    if ('reply' in heard) return heard.reply;
    return heard.closed === NOT_A_REQUEST ? silenceOf('websocket') : `closed ${heard.closed}`;
  }
}

function silenceOf(transport: Transport): string {
  return transport === 'udp' ? 'silence' : 'closed without an answer';
}

/**
 * The twin refuses an unknown key before it has the body. A stream is read to its end first:
 * whether there is such a coin may take a look into the store.
 */
function keyOfHalfRequest(request: Buffer, reply: Buffer): boolean {
  const wide = request.readUInt8(16) > 2;
  const announced = request.readUInt16BE(wide ? 17 : 22) + (wide ? WIDE_BYTES : HEADER_BYTES);
  const keyless: readonly number[] = [Status.INVALID_ENCRYPTION, Status.ENCRYPTION_COIN_NOT_FOUND];
  return request.length < announced && keyless.includes(reply.readUInt8(2));
}

function givesTicket(request: Buffer, reply: Buffer): boolean {
  const [status, got] = [reply.readUInt8(2), request.subarray(4, 6).equals(Buffer.of(2, 40))];
  return got && (status === Status.ALL_PASS || status === Status.MIXED);
}

/** Bytes 12-15 of a reply, 4-7 of one with the 48-byte header: how long the server took. */
function withoutTime(reply: Buffer, request: Buffer): Buffer {
  const copy = Buffer.from(reply);
  const at = request.readUInt8(16) > 2 ? 4 : 12;
  return copy.fill(0, at, at + 4);
}

function baseRecord(pages: ReadonlyMap<string, Uint8Array>, coin: TwinCoin): TwinRecord {
  const page = pages.get(`${coin.denomination}/${coin.serialNumber >>> 10}`);
  const at = (coin.serialNumber & 1023) * RECORD_BYTES;
  return { an: Buffer.from(page?.subarray(at, at + 16) ?? []), mfs: page?.[at + 16] ?? 0 };
}
