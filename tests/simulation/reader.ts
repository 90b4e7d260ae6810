/**
 * Which of the streams that are open an application reads now. One that reads a stream to its end
 * before it takes the next leaves all others to lie, and what lies must not keep from it what it
 * waits for.
 */
import { randomFrom } from '../seeded-random.ts';
import type { Reading, StreamPlan } from './scenario.ts';

/** What is known of a stream that comes. */
export interface Incoming {
  /** Twice the number of its plan; of an answer one more. */
  key: number;
  /** Something of it has come. */
  came: boolean;
}

export interface Reader {
  /** Nothing that has come lies unread. */
  readsAtOnce: boolean;
  /** Those of the streams that have not ended which are read now. */
  turns<T extends Incoming>(open: T[]): T[];
}

const AT_ONCE: Reader = { readsAtOnce: true, turns: (open) => [...open] };

/**
 * One to its end before the next, of the peer's streams and of the answers each. An answer that has
 * not begun to come is none to wait for: the peer may take no more streams before others end.
 */
function inTurn(seed: number | undefined): Reader {
  const random = seed === undefined ? () => 0 : randomFrom(seed);
  const current: [number | undefined, number | undefined] = [undefined, undefined];
  return {
    readsAtOnce: false,
    turns: (open) =>
      ([0, 1] as const).flatMap((kind) => {
        const those = open.filter(({ key, came }) => key % 2 === kind && (came || kind === 0));
        const going = those.find(({ key }) => key === current[kind]);
        const one = going ?? those[random(those.length || 1)];
        current[kind] = one?.key;
        return one ? [one] : [];
      }),
  };
}

/** All but one of the peer's streams, and that one when the others have ended. */
function oneLast(plans: StreamPlan[], side: number, seed: number | undefined): Reader {
  const theirs = plans.flatMap((plan, number) => (plan.side === side ? [] : [2 * number]));
  const random = seed === undefined ? () => 0 : randomFrom(seed);
  const last = theirs[random(theirs.length || 1)];
  const left = new Set(theirs);
  let before: number[] = [];
  return {
    readsAtOnce: false,
    turns: (open) => {
      const keys = open.map(({ key }) => key);
      for (const key of before) if (!keys.includes(key)) left.delete(key);
      before = keys;
      return open.filter(({ key }) => key !== last || left.size === 1);
    },
  };
}

/** How the application of a side reads. */
export function readerOf({ order, seed }: Reading, plans: StreamPlan[], side: number): Reader {
  if (order === 'at once') return AT_ONCE;
  return order === 'in turn' ? inTurn(seed) : oneLast(plans, side, seed);
}
