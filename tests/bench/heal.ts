/**
 * Healing over 25 real nodes in one process, all on this machine's cores: twelve coins that 1 to 12
 * servers deny, stage by stage, and one fix of one coin by one server.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { ALL, NetworkPlace, ring } from '../network/network-place.ts';

export interface HealRow {
  name: string;
  ms: number;
}

const RUNS = 5;
const FIXES = 20;

/** Healed by the wallet; the quickest run of some. */
async function healWallet(place: NetworkPlace): Promise<HealRow[]> {
  let best: HealRow[] = [];
  for (let run = 0; run < RUNS; run++) {
    const { wallet, ids } = await place.owner(2);
    for (const [index, id] of ids.entries()) {
      await place.frack(wallet.keys(id), ring(index * 2, index + 1));
    }
    await wallet.detect();
    const rows: HealRow[] = [];
    const start = performance.now();
    let opened = start;
    const { healed } = await wallet.heal(undefined, {
      onStage: ({ stage, done, total }) => {
        const now = performance.now();
        if (done === 0) opened = now;
        else if (done === total) rows.push({ name: `stage ${stage}`, ms: now - opened });
      },
    });
    const ms = performance.now() - start;
    if (healed.length !== ids.length) throw new Error(`${healed.length} of ${ids.length} healed`);
    rows.unshift({ name: `heal ${ids.length} coins, 78 fracked lights`, ms });
    if (ms < (best[0]?.ms ?? Number.POSITIVE_INFINITY)) best = rows;
  }
  return best;
}

/** 2/80 alone: one server asks 24 others over TCP, and commits. */
async function fixOne(place: NetworkPlace): Promise<HealRow[]> {
  const client = place.client();
  const [coin] = place.demoCoins();
  if (!coin) throw new Error('no coin');
  await place.frack(coin, [0]);
  const times: number[] = [];
  for (let i = 0; i < FIXES; i++) {
    const drawn = await client.getTickets([coin], { select: (id) => (id === 0 ? [] : [0]) });
    const tickets = ALL.map((id) => drawn.tickets.find((one) => one.raidaId === id)?.ticket ?? 0);
    const request = { coins: [coin], generator: new Uint8Array(16).fill(i), tickets };
    const start = performance.now();
    const [outcome] = await client.fixing.fix([0], () => request);
    times.push(performance.now() - start);
    if (outcome?.wireStatus !== Status.ALL_PASS) throw new Error(`fix: ${outcome?.wireStatus}`);
  }
  times.sort((a, b) => a - b);
  return [{ name: 'fix 1 coin on 1 server, p50', ms: times[FIXES >> 1] ?? 0 }];
}

export async function benchHeal(): Promise<HealRow[]> {
  const place = await NetworkPlace.make();
  try {
    return [...(await healWallet(place)), ...(await fixOne(place))];
  } finally {
    await place.close();
  }
}
