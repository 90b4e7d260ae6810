/**
 * What anybody sends to endpoints, from anywhere and in a peer's name: it throws nowhere, ends no
 * session that lives, and those go on. Errors out of turn are those of the run, which then fails. A
 * failure prints the seed (ANDVARI_SEED).
 */
import type { Datagram, DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { bytesOf, EndpointWorld, next, pattern, writeAll } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';
import { WildDatagrams } from './wild-datagrams.ts';

const DATAGRAMS = process.env.ANDVARI_LONG ? 400_000 : 5_000;
/** Between two looks at whether all sessions live. */
const ROUND = 2000;
const BATCH = 64;
const SESSIONS = 3;
const TIMEOUT_MS = 600_000;

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(() => world.close());

const ways: [string, Partial<EndpointOptions>][] = [
  ['plain', {}],
  ['that give resets', { resets: true }],
  ['in the stealth form', { stealth: true }],
];

describe.each(ways)('endpoints %s', (_, options) => {
  it('take whatever comes', { timeout: TIMEOUT_MS }, async () => {
    const seed = seedOfRun();
    console.log(`datagrams at endpoints: ANDVARI_SEED=${seed}`);
    const random = randomFrom(seed);
    const sinks: ((datagrams: readonly Datagram[]) => void)[] = [];
    const tapped = (name: number): DatagramTransport => {
      const inner = world.network.at(hostAt(name));
      const open = (sink: (datagrams: readonly Datagram[]) => void) => {
        sinks[name] = sink;
        return inner.open(sink);
      };
      return { ...inner, open };
    };
    const one = await world.endpoint(1, { ...options, transport: tapped(1) });
    const two = await world.endpoint(2, { ...options, transport: tapped(2) });
    const node = (name: number) => {
      return { key: world.identity(name).noise.publicKey, farEnd: hostAt(name) };
    };
    const wild = new WildDatagrams(random, [node(1), node(2)]);
    world.network.loses = (bytes) => {
      wild.see(bytes);
      return false;
    };
    const call = () =>
      Promise.all([one.connect(world.identity(2).peerId, hostAt(2)), next(two.incoming)]);
    const sessions: [TransferSession, TransferSession][] = [];
    while (sessions.length < SESSIONS) sessions.push(await call());
    for (let done = 0; done < DATAGRAMS; done += ROUND) {
      for (let sent = 0; sent < ROUND; sent += BATCH) {
        sinks[1 + random(2)]?.(Array.from({ length: BATCH }, () => wild.next()));
        await new Promise((resolve) => setTimeout(resolve));
      }
      for (const [ours, theirs] of sessions) await goesOn(ours, theirs);
      // Handshakes go by as well, between those who mean it.
      const [ours, theirs] = await call();
      await ours.close();
      await theirs.closed;
    }
    expect(sessions.flat().map(({ isOpen }) => isOpen)).not.toContain(false);
  });
});

/** A round trip each way, and a stream there and back. */
async function goesOn(ours: TransferSession, theirs: TransferSession): Promise<void> {
  expect(await ours.ping()).toBeGreaterThanOrEqual(0);
  expect(await theirs.ping()).toBeGreaterThanOrEqual(0);
  const stream = await ours.openStream();
  const sent = pattern(20_000);
  const writing = writeAll(stream, sent);
  const other = await next(theirs.incoming);
  expect(await bytesOf(other)).toEqual(sent);
  await writing;
  await writeAll(other, sent.subarray(0, 5000));
  expect(await bytesOf(stream)).toEqual(sent.subarray(0, 5000));
}
