/**
 * Runs every recorded case of groups 0-2 straight through an engine and tells the reply of each, as
 * hex. Node and browsers alike.
 */

import { Flag } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { Harness } from './harness.ts';
import {
  basePages,
  fromHex,
  IDENTITY,
  PAGES,
  patched,
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
