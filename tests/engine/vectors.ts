/**
 * Runs every recorded case of groups 0-2 straight through an engine and tells the reply of each, as
 * hex. Node and browsers alike.
 */

import { Flag, Random, Region } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { Harness } from './harness.ts';
import {
  basePages,
  fromHex,
  IDENTITY,
  PAGES,
  patched,
  type SpecCase,
  setBaseCounts,
  type VectorCase,
} from './vector-state.ts';

const SIZES = { pagesPerDenomination: PAGES, journalRecords: 8192, frames: 64, ringEntries: 64 };

export async function freshServer(wire: 'spec' | 'legacy' = 'legacy'): Promise<Harness> {
  const pages = await basePages();
  const harness = new Harness({
    module: await plainEngine(),
    sizes: SIZES,
    identity: { ...IDENTITY, wire },
    pages: (denomination, page) => pages.get(`${denomination}/${page}`),
  });
  setBaseCounts(harness.engine);
  return harness;
}

function flagsOf(transport: string): number {
  return Flag.LOCAL | (transport === 'udp' ? Flag.DATAGRAM : 0);
}

/** The reply to a case on a fresh server; undefined: silence. */
export async function replay(item: VectorCase): Promise<Uint8Array | undefined> {
  const server = await freshServer();
  const replies: Uint8Array[] = [];
  for (const [index, setup] of (item.server_state.setup ?? []).entries()) {
    const patches = index > 0 ? (item.server_state.setup_patch_from_second ?? []) : [];
    const request = patched(fromHex(setup.request_hex), patches, replies);
    replies.push(server.ask(request, flagsOf(setup.transport)) ?? new Uint8Array(0));
  }
  const request = patched(fromHex(item.request_hex), item.request_patch ?? [], replies);
  return server.ask(request, flagsOf(item.transport));
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
