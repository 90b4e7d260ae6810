/**
 * Anything at all against one running server over UDP, TCP and WebSocket: what it answers is what
 * the readable twin answers, it never traps, no connection hangs, nothing is lost, and afterwards
 * it still serves.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { TcpClient } from '@andvari/host-node/io/testing/tcp-client';
import { UdpPeer } from '@andvari/host-node/io/testing/udp-peer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { seedOfRun } from '../seeded-random.ts';
import { FuzzRun } from './fuzz-run.ts';
import { makeVectorServers, openWebSocket, type VectorServer } from './vector-server.ts';
import { WebSocketPeer } from './websocket-peer.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const REQUESTS = LONG ? 60_000 : 2500;
const STORM_ROUNDS = LONG ? 20 : 1;
const TIME_OUT = LONG ? 600_000 : 120_000;
/** No connection may be open for longer: idleMs and some time for a slow machine. */
const BOUND_MS = 60_000;
const TCP = { idleMs: 1500, lifeMs: 4000 };
/** The process may grow by so much: the test itself keeps little. */
const GROWTH_BYTES_MAX = 256 << 20;
const UNSUPPORTED = 1003;
const TOO_BIG = 1009;

let servers: Awaited<ReturnType<typeof makeVectorServers>>;
beforeAll(async () => {
  servers = await makeVectorServers();
});
afterAll(() => servers.remove());

/** Errors that nobody caught. vitest would tell too, but not which test is to blame. */
const accidents: unknown[] = [];
const accident = (error: unknown) => void accidents.push(error);
beforeAll(() => {
  process.on('uncaughtExceptionMonitor', accident);
  process.on('unhandledRejection', accident);
});
afterAll(() => {
  process.off('uncaughtExceptionMonitor', accident);
  process.off('unhandledRejection', accident);
});

describe.each(['spec', 'legacy'] as const)('wire %s', (wire) => {
  let place: VectorServer;
  let websocket: Awaited<ReturnType<typeof openWebSocket>>;
  let run: FuzzRun;
  let seed: number;
  let framesFree: readonly number[];
  let rssBefore: number;
  const free = () => {
    const { frames, largeFrames, rx, held, ready } = place.server.engine;
    return [frames.available, largeFrames.available, rx.used, held.used, ready.used];
  };

  beforeEach(async () => {
    seed = seedOfRun();
    console.log(`fuzz over sockets, wire ${wire}, ANDVARI_SEED=${seed}`);
    place = await servers.start({ wire, tcp: TCP });
    websocket = await openWebSocket(place.server);
    run = await FuzzRun.make(place, { wire, seed, url: websocket.url });
    framesFree = free();
    rssBefore = process.memoryUsage.rss();
  });

  afterEach(async () => {
    for (const { server, twin, transport } of await run.echoes()) {
      expect(server, `a good echo over ${transport} at the end`).toBe(twin);
    }
    await run.close();
    await vi.waitFor(() => expect(place.listener.connections).toBe(0), BOUND_MS);
    expect(free(), 'every frame has come back, every ring is empty').toEqual(framesFree);
    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(GROWTH_BYTES_MAX);
    expect(accidents).toEqual([]);
    await websocket.close();
    await place.stop();
  });

  it('answers as the twin', { timeout: TIME_OUT }, async () => {
    const seen = new Map<string, number>();
    for (let i = 0; i < REQUESTS; i++) {
      const { transport, damage, request, server, twin } = await run.next();
      if (server !== twin) {
        expect.fail(`seed ${seed}, request ${i}, ${transport}, ${damage}: ${request.slice(0, 400)}
          server ${server.slice(0, 400)}
          twin   ${twin.slice(0, 400)}`);
      }
      const outcome = twin.startsWith('0e') ? twin.slice(4, 6) : 'silence';
      for (const what of [outcome, `${transport} ${damage}`]) {
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    }
    expectVariety(seen);
  });

  it('a storm of everything at once', { timeout: TIME_OUT }, async () => {
    for (let round = 0; round < STORM_ROUNDS; round++) await storm(run, place.port, websocket.url);
  });
});

/** The run met what it is there for. */
function expectVariety(seen: ReadonlyMap<string, number>): void {
  const met = (status: number) => seen.get(status.toString(16).padStart(2, '0')) ?? 0;
  expect(met(Status.SUCCESS)).toBeGreaterThan(10);
  expect(met(Status.ALL_PASS)).toBeGreaterThan(3);
  expect(met(Status.MIXED)).toBeGreaterThan(10);
  expect(met(Status.INVALID_PACKET_LENGTH)).toBeGreaterThan(10);
  expect(met(Status.INVALID_EOF)).toBeGreaterThan(2);
  expect(met(Status.INVALID_CRC)).toBeGreaterThan(2);
  expect(met(Status.TICKET_CLAIMED_ALREADY)).toBeGreaterThan(0);
  expect(seen.get('silence') ?? 0).toBeGreaterThan(10);
  for (const transport of ['udp', 'tcp', 'websocket']) {
    for (const damage of ['none', 'random', 'cut', 'long', 'bits', 'size']) {
      expect(seen.get(`${transport} ${damage}`) ?? 0, `${transport} ${damage}`).toBeGreaterThan(3);
    }
  }
}

/** Strangers of every kind at the same time; every connection ends or is answered in time. */
async function storm(run: FuzzRun, port: number, url: string): Promise<void> {
  const address = { host: '127.0.0.1', port };
  const peer = await UdpPeer.open(address);
  const some = () => (run.dice.roll(3) ? run.requests.next().request : run.requests.noise());
  const flood = Array.from({ length: 40 }, async () => {
    for (let i = 0; i < 40; i++) peer.send(some());
    await new Promise((resolve) => setTimeout(resolve, run.dice.roll(200)));
  });
  const streams = Array.from({ length: 60 }, () => stream(run, address, some()));
  const sockets = Array.from({ length: 10 }, async () => {
    const client = new WebSocketPeer(url);
    for (let i = 0; i < 20; i++) {
      expect(await client.ask(some(), BOUND_MS), 'a reply or a close').toBeDefined();
    }
    expect(await client.ask('text', BOUND_MS)).toEqual({ closed: UNSUPPORTED });
    expect(await client.ask(Buffer.alloc(70_000), BOUND_MS)).toEqual({ closed: TOO_BIG });
    client.terminate();
  });
  await Promise.all([...flood, ...streams, ...sockets]);
  await peer.close();
}

/** One TCP client: it sends in bits, and ends, resets, or does neither. */
async function stream(
  run: FuzzRun,
  address: { host: string; port: number },
  request: Buffer,
): Promise<void> {
  const client = await TcpClient.connect(address);
  const cuts = Array.from({ length: run.dice.roll(4) }, () => run.dice.roll(request.length + 1));
  const places = [0, ...cuts.sort((a, b) => a - b), request.length];
  for (const [index, end] of places.slice(1).entries()) {
    await client.send(request.subarray(places[index], end));
    await new Promise((resolve) => setTimeout(resolve, run.dice.roll(20)));
  }
  const last = run.dice.roll(3);
  if (last === 0) client.end();
  if (last === 1) client.reset();
  else expect(await client.ending(BOUND_MS), 'no connection hangs').not.toBe('open');
  client.destroy();
}
