/**
 * Pown with a store that syncs every commit, without sockets: requests go straight to the server,
 * replies come when committed.
 */

import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import type { RequestOrigin } from '@andvari/host-node/raida/origin';
import { openOutsideWorld } from '@andvari/host-node/raida/outside-world';
import { RaidaServer } from '@andvari/host-node/raida/server';
import { StoreClient } from '@andvari/host-node/store/store-client';
import { auth, back, PAGES, there } from './requests.ts';
import { makeStore } from './seeded-store.ts';
import { percentiles } from './timing.ts';

export interface StoreRow {
  name: string;
  perSecond: number;
  p50Us: number;
  p99Us: number;
}

const COINS = 1024;
const RUN_MS = 3000;

export async function benchStore(): Promise<StoreRow[]> {
  const store = makeStore(COINS);
  const storeClient = new StoreClient();
  const identity = { raidaId: 0, coinId: 6, wire: 'spec', version: '20261121' } as const;
  const server = await RaidaServer.start({
    identity,
    sizes: { pagesPerDenomination: PAGES, frames: 2048, ringEntries: 4096 },
    storeClient,
    storeUrl: store.url,
    outside: await openOutsideWorld({ ...identity, dataDir: store.folder }),
  });
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const messages = Array.from({ length: COINS }, (_, i) =>
    [there(i), back(i)].map((list) => codec.seal(auth(20, list)).bytes),
  );
  const all = messages as [Uint8Array, Uint8Array][];
  const rows = [await run(server, all.slice(0, 1)), await run(server, all.slice(1))];
  await server.close();
  await storeClient.close();
  store.remove();
  return rows;
}

/** Each coin has one pown under way: there and back, until the time is over. */
async function run(server: RaidaServer, messages: [Uint8Array, Uint8Array][]): Promise<StoreRow> {
  const times: number[] = [];
  const started = performance.now();
  let wrong = 0;
  let open = 0;
  await new Promise<void>((resolve) => {
    messages.forEach((pair) => {
      let turn = 0;
      let sent = 0;
      const send = () => {
        sent = performance.now();
        open++;
        if (!server.submit(pair[turn++ & 1] as Uint8Array, origin)) throw new Error('no room');
      };
      const origin: RequestOrigin = {
        address: '127.0.0.1',
        local: true,
        datagram: false,
        reply(bytes) {
          const now = performance.now();
          times.push(now - sent);
          open--;
          if (bytes[2] !== Status.ALL_PASS) wrong++;
          if (now - started < RUN_MS) send();
          else if (open === 0) resolve();
        },
        dropped() {
          throw new Error('dropped');
        },
      };
      send();
    });
  });
  const seconds = (performance.now() - started) / 1000;
  if (wrong) throw new Error(`${wrong} powns failed`);
  return {
    name: `pown 1 coin, clear, ${messages.length} at once, sqlite FULL`,
    perSecond: times.length / seconds,
    ...percentiles(times),
  };
}
