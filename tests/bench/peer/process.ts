/**
 * Child of the peer bench: `KIND ROLE`. Says its address, then answers one question at a time with
 * what it did in how many milliseconds, and how much CPU time the process has used so far.
 */
import { openBare } from './bare.ts';
import type { BenchEnd, Kind, Role } from './end.ts';
import { openOurs, sizesOfOurs } from './ours.ts';

export type Question =
  | { connect: string; times: number }
  | { requests: number; window: number }
  | { broadcasts: number }
  /** Of all so far. */
  | { heard: number }
  | 'usage';

export interface Done {
  ms: number[];
  cpuUs: number;
  heard: number;
}

/** The other side has noticed that the connection is gone. */
const GONE_MS = 100;

const [kind, role] = process.argv.slice(2) as [Kind, Role];
const end = await (kind === 'ours' ? openOurs(role) : openBare(role, await sizesOfOurs()));
let heard = 0;
let wanted = Number.POSITIVE_INFINITY;
let wake: () => void = () => {};
end.onBroadcast(() => {
  if (++heard >= wanted) wake();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function connect(end: BenchEnd, address: string, times: number): Promise<number[]> {
  const ms: number[] = [];
  for (let i = 0; i < times; i++) {
    await end.disconnect().catch(() => {});
    await pause(GONE_MS);
    const start = performance.now();
    await end.connect(address);
    ms.push(performance.now() - start);
  }
  // Until broadcasts reach the other side.
  while ((await end.broadcast()) === 0) await pause(50);
  return ms;
}

async function ask(end: BenchEnd, requests: number, window: number): Promise<void> {
  let left = requests;
  const lane = async () => {
    while (left-- > 0) await end.ask();
  };
  await Promise.all(Array.from({ length: window }, lane));
}

async function answer(question: Question): Promise<number[]> {
  if (question === 'usage') return [];
  if ('connect' in question) return connect(end, question.connect, question.times);
  const start = performance.now();
  if ('requests' in question) await ask(end, question.requests, question.window);
  else if ('broadcasts' in question) {
    for (let i = 0; i < question.broadcasts; i++) await end.broadcast();
  } else {
    const { promise, resolve } = Promise.withResolvers<void>();
    [wanted, wake] = [question.heard, resolve];
    if (heard < wanted) await promise;
    wanted = Number.POSITIVE_INFINITY;
  }
  return [performance.now() - start];
}

process.on('message', (question: Question) => {
  void answer(question).then((ms) => {
    const { user, system } = process.cpuUsage();
    process.send?.({ ms, cpuUs: user + system, heard });
  });
});
process.once('disconnect', () => process.exit(0));
process.send?.(end.address());
