/**
 * Runs recorded cases straight through an engine and gives the reply of each. Node and browsers
 * alike.
 */
import { Flag, Random, Region } from '@andvari/host-common/engine/generated/layout';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { Harness } from './harness.ts';
import { differences } from './invariants.ts';
import { replayWith, type SpecCase, type VectorCase } from './vector-cases.ts';
import { baseStore, baseWorld, fromHex, IDENTITY, PAGES, toHex } from './vector-state.ts';
import type { World } from './world.ts';

const SIZES = { pagesPerDenomination: PAGES, journalRecords: 8192, frames: 64, ringEntries: 64 };

export async function freshServer(
  wire: 'spec' | 'legacy' = 'legacy',
  world?: World,
): Promise<Harness> {
  return new Harness({
    module: await plainEngine(),
    sizes: SIZES,
    identity: { ...IDENTITY, wire },
    pages: () => undefined,
    store: await baseStore(),
    world: world ?? (await baseWorld()),
  });
}

export function flagsOf(transport: string): number {
  return Flag.LOCAL | (transport === 'udp' ? Flag.DATAGRAM : 0);
}

/** The reply to a case on a fresh server; undefined: silence. */
export async function replay(item: VectorCase): Promise<Uint8Array | undefined> {
  const server = await freshServer();
  const reply = await replayWith(item, async (request, transport) =>
    server.ask(request, flagsOf(transport)),
  );
  expectTables(server);
  return reply;
}

/** What the engine has besides the coins is what follows from them. */
function expectTables({ engine, store }: Harness): void {
  const found = store ? differences(engine, store) : [];
  if (found.length) throw new Error(`engine and store differ: ${found.join(', ')}`);
}

/** First byte of the list of coins in a request of type 0, and bytes of what follows it in fix. */
const LIST_AT = 48;
const FIX_BYTES = 16 + 25 * 4 + 2;

/**
 * The reply to a case of fix, where every server for which the case has a ticket request vouches
 * for the coins that it asks for; and how to look at a coin ("denomination:serial") afterwards.
 */
export async function replayFix(item: VectorCase) {
  const request = fromHex(item.request_hex);
  const tickets = new DataView(request.buffer, request.length - FIX_BYTES + 16, 25 * 4);
  const asked = Object.keys(item.server_state.ticket_requests ?? {}).map(Number);
  for (const raidaId of asked) tickets.setUint32(4 * raidaId, 1000 + raidaId);
  const world = await baseWorld();
  const coins = request.slice(LIST_AT, request.length - FIX_BYTES);
  world.servers = (raidaId, ticket) =>
    ticket === 1000 + raidaId ? { status: Status.SUCCESS, coins } : undefined;
  const server = await freshServer('legacy', world);
  const reply = server.ask(request, flagsOf(item.transport)) ?? new Uint8Array(0);
  expectTables(server);
  const anAfter = (coin: string) => {
    const [denomination = 0, serialNumber = 0] = coin.split(':').map(Number);
    return toHex(server.record(denomination, serialNumber)?.slice(0, 16) ?? new Uint8Array(0));
  };
  return { reply, anAfter };
}

/**
 * The reply to a spec-derived case, whose nonce the random pool is made to give: replays are exact.
 */
export async function replaySpec(item: SpecCase): Promise<Uint8Array> {
  const server = await freshServer('spec');
  const { engine } = server;
  const nonce = fromHex(item.response_nonce_hex_in_example);
  const pool = engine.region(Region.RANDOM);
  const taken = engine.u32[(pool + Random.TAKEN) >>> 2] ?? 0;
  // A request that waits for its pages draws anew each time it runs: the same nonce, as often as it
  // may.
  for (let draw = 0; draw < 8; draw++) {
    engine.u8.set(nonce, pool + Random.BYTES + taken + draw * nonce.length);
  }
  const reply = server.ask(fromHex(item.request_hex));
  if (!reply) throw new Error(`${item.name}: silence`);
  return reply;
}
