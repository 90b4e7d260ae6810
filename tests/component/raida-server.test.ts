// The resource engine of the component: a session of recorded requests has the replies and the
// journal of the raw engine, and what a host can do wrong has a name.
import { hash, raidaServer, transfer } from '@andvari/host-common/component';
import { Flag, Random, Region } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { afterEach, expect, it } from 'vitest';
import { Harness } from '../engine/harness.ts';
import { casesHere } from '../engine/vector-cases.ts';
import { basePages, fromHex, IDENTITY, PAGES, toHex } from '../engine/vector-state.ts';
import { ComponentServer, type Configuration } from './component-server.ts';
import { faultOf } from './faults.ts';

const NOW_US = 1795219200000000;
const hashKey = new Uint8Array(16).fill(5);
const random = Uint8Array.from({ length: 32768 }, (_, i) => i * 7 + (i >> 8));
const sizes = {
  pagesPerDenomination: PAGES,
  pageSlots: 15 * PAGES,
  journalRecords: 8192,
  ringEntries: 64,
  parkSlots: 16,
  frames: 64,
  largeFrames: 4,
  replyFrames: 8,
  tickets: 64,
  lockerCoins: 1024,
};
const configuration: Configuration = {
  ...sizes,
  raidaId: IDENTITY.raidaId,
  coinId: IDENTITY.coinId,
  wire: 'legacy',
  modern: true,
  adminClear: false,
  openKeyRecords: false,
  btcConfirmations: 3,
  version: new TextEncoder().encode(IDENTITY.version),
  adminKey: IDENTITY.adminKey,
  hashKey,
};
const open: raidaServer.Engine[] = [];
afterEach(() => {
  for (const engine of open.splice(0)) engine[Symbol.dispose]();
});

async function rawServer(wire: 'spec' | 'legacy', pages: Map<string, Uint8Array>) {
  const raw = new Harness({
    module: await plainEngine(),
    sizes,
    identity: { ...IDENTITY, wire, hashKey },
    pages: (denomination, page) => pages.get(`${denomination}/${page}`),
    fillRandom: false,
  });
  raw.nowUs = NOW_US;
  const pool = raw.engine.region(Region.RANDOM);
  raw.engine.u8.set(random, pool + Random.BYTES);
  raw.engine.u32[(pool + Random.FILLED) >>> 2] = random.length;
  return raw;
}

it.each(['spec', 'legacy'] as const)('a session over wire %s is replayed', async (wire) => {
  const pages = await basePages();
  const raw = await rawServer(wire, pages);
  const source = (denomination: number, page: number) => pages.get(`${denomination}/${page}`);
  const server = new ComponentServer({ ...configuration, wire }, source, BigInt(NOW_US));
  open.push(server.engine);
  expect(server.engine.addRandom(random)).toBe(random.length);
  expect(server.engine.addRandom(random)).toBe(0);
  let answered = 0;
  const messages = casesHere().flatMap((item) => [...(item.server_state.setup ?? []), item]);
  for (const { request_hex: hex, transport } of messages.slice(0, 150)) {
    const datagram = transport === 'udp';
    const wanted = raw.ask(fromHex(hex), Flag.LOCAL | (datagram ? Flag.DATAGRAM : 0));
    const reply = server.ask(fromHex(hex), datagram);
    expect(reply && toHex(reply), hex).toBe(wanted && toHex(wanted));
    if (reply) answered++;
  }
  expect(answered).toBeGreaterThan(80);
  const head = raw.engine.journalHead();
  expect(head).toBeGreaterThan(wire === 'legacy' ? 20 : 0);
  const at = raw.engine.region(Region.JOURNAL);
  const journal = raw.engine.u8.subarray(at, at + 48 * head);
  expect(toHex(hash.sha256(Uint8Array.from(server.journal)))).toBe(toHex(hash.sha256(journal)));
});

it('names what a host does wrong, and is another engine each time', () => {
  const configure = (change: Partial<Configuration> = {}) =>
    raidaServer.Engine.configure({ ...configuration, ...change });
  expect(faultOf(() => configure({ ringEntries: 3 }))).toBe('configuration');
  expect(faultOf(() => configure({ raidaId: 25 }))).toBe('configuration');
  expect(faultOf(() => configure({ version: new Uint8Array(7) }))).toBe('length');
  expect(faultOf(() => configure({ hashKey: new Uint8Array(0) }))).toBe('length');
  expect(faultOf(() => configure({ adminKey: new Uint8Array(15) }))).toBe('length');
  const packets = transfer.Packets.start(new Uint8Array(96), true, false);
  const first = configure({ adminKey: new Uint8Array(0) });
  const later = transfer.Packets.start(new Uint8Array(96), true, false);
  expect(faultOf(() => packets.seal(new Uint8Array(28), 52))).toBe('ended');
  expect(faultOf(() => packets.open(new Uint8Array(52)))).toBe('ended');
  expect(faultOf(() => packets.rekey(new Uint8Array(32), 1))).toBe('ended');
  expect(faultOf(() => packets.moveTo(0))).toBe('ended');
  packets[Symbol.dispose]();
  expect(faultOf(() => later.seal(new Uint8Array(28), 52))).toBeUndefined();
  later[Symbol.dispose]();
  expect(faultOf(() => configure())).toBe('in-use');
  expect(faultOf(() => first.pageLoaded(0, undefined))).toBe('slot');
  expect(faultOf(() => first.pageLoaded(4294967295, undefined))).toBe('slot');
  expect(faultOf(() => first.pageLoaded(0, new Uint8Array(17407)))).toBe('length');
  expect(faultOf(() => first.complete(0, 0, new Uint8Array(0)))).toBe('slot');
  expect(faultOf(() => first.complete(4294967295, 0, new Uint8Array(0)))).toBe('slot');
  expect(faultOf(() => first.commit(1n))).toBe('position');
  expect(faultOf(() => first.commit(0n))).toBeUndefined();
  const request = { peer: 1, address: 0, ipv6: false, datagram: true, local: false };
  const long = { ...request, bytes: new Uint8Array(65665) };
  expect(faultOf(() => first.process([long], 0n))).toBe('length');
  const many = Array.from({ length: 100 }, () => ({ ...request, bytes: new Uint8Array(5) }));
  expect(first.process(many, 0n)).toBeLessThan(100);
  expect(first.drain().every(({ bytes }) => bytes.length === 0)).toBe(true);
  first[Symbol.dispose]();
  const second = configure();
  expect(second.changes()).toEqual({ first: 0n, records: new Uint8Array(0) });
  second[Symbol.dispose]();
});
