/** What the page says of lockers, in whole sentences. Pure functions. */

import { QUORUM } from '@andvari/host-common/raida/grading';
import type {
  CoinView,
  ContentsView,
  LockerView,
  PassedOnView,
  SentView,
  TakenView,
} from '../worker/views.ts';
import type { Question } from './confirm.ts';
import { countOf, formatValue, piecesOf, unitsOf } from './format.ts';
import type { Notice } from './notice.ts';

/** Coins of which an amount can be made up: nobody else knows their secrets. */
export function ownCoins(coins: readonly CoinView[]): readonly CoinView[] {
  return coins.filter(
    ({ owned, unsettled, grade }) =>
      owned && !unsettled && (grade === 'authentic' || grade === 'fracked'),
  );
}

/** Why an amount cannot be sent. `coins`: all that could go into a locker. */
export function amountFault(units: bigint, coins: readonly CoinView[]): string {
  const own = unitsOf(ownCoins(coins));
  if (units > own) return `Your own coins make up ${formatValue(own)} in all.`;
  return `Your coins do not make up ${formatValue(units)} exactly: try another amount.`;
}

export function sentSentence(
  { lockedCount, pendingCount, returnedCount, lockerId }: SentView,
  stopped: boolean,
): Notice {
  if (stopped) {
    const text =
      'Stopped. Coins that were on their way are listed under Lockers, if there are any.';
    return { tone: 'plain', text };
  }
  const words: string[] = [];
  if (lockedCount > 0) words.push(`${countOf(lockedCount, 'coin')} in the locker.`);
  if (pendingCount > 0) {
    words.push(`${countOf(pendingCount, 'coin')} not settled: check the locker again later.`);
  }
  if (returnedCount > 0) {
    words.push(`${countOf(returnedCount, 'coin')} stayed here: too few servers took them.`);
  }
  const good = lockerId !== undefined && pendingCount + returnedCount === 0;
  return { tone: good ? 'good' : lockedCount > 0 ? 'plain' : 'bad', text: words.join(' ') };
}

export function takenSentence(view: TakenView): Notice {
  const { wallet, stopped, takenIds, pendingCount, missedCount, leftCount } = view;
  if (stopped) {
    const text =
      'Stopped. Coins that were on their way are listed under Lockers, if there are any.';
    return { tone: 'plain', text };
  }
  const taken = wallet.coins.filter((coin) => takenIds.includes(coin.id));
  const words: string[] = [];
  if (taken.length > 0) {
    const value = formatValue(unitsOf(taken));
    words.push(`${countOf(taken.length, 'coin')} taken, value ${value}. Yours alone now.`);
  }
  if (pendingCount > 0) {
    words.push(`${countOf(pendingCount, 'coin')} not settled: take the locker again later.`);
  }
  if (missedCount > 0) {
    words.push(`${countOf(missedCount, 'coin')} had been taken by somebody else.`);
  }
  if (leftCount > 0) {
    words.push(`${countOf(leftCount, 'coin')} on too few servers: left where they are.`);
  }
  const good = pendingCount + missedCount + leftCount === 0;
  return { tone: good ? 'good' : taken.length > 0 ? 'plain' : 'bad', text: words.join(' ') };
}

export function passedOnSentence({ forgottenCount, keptCount }: PassedOnView): Notice {
  if (keptCount === 0) {
    const text = `Passed on: this wallet has forgotten ${countOf(forgottenCount, 'coin')}.`;
    return { tone: 'good', text };
  }
  const text =
    `${countOf(keptCount, 'coin')} stayed listed: nobody else could take them, since fewer than ` +
    `${QUORUM} servers have them in the locker. Take them back.`;
  return { tone: 'bad', text };
}

/** Asked before a code is forgotten. */
export function passOnQuestion({ ids, goneCount, units }: LockerView): Question {
  if (goneCount === ids.length) {
    return {
      title: 'Forget this locker?',
      text: 'Its coins were taken by whoever had the code.',
      yes: 'Forget it',
    };
  }
  return {
    title: `Forget the code of ${countOf(ids.length, 'coin')}, value ${formatValue(units)}?`,
    text:
      'From then on only the one who has the code can take these coins; this wallet cannot take ' +
      'them back. Go on only when the code has arrived.',
    yes: 'It has arrived, forget it',
    danger: true,
  };
}

/** What is known of a locker of this wallet. */
export function lockerState({ ids, checked, insideCount, goneCount }: LockerView): string {
  if (!checked) return 'Not checked: ask the servers what is in it.';
  const openCount = ids.length - insideCount - goneCount;
  if (insideCount === ids.length) return 'Waiting in the locker for whoever has the code.';
  if (goneCount === ids.length) return 'Emptied: whoever had the code has taken the coins.';
  const parts = [
    insideCount > 0 ? `${countOf(insideCount, 'coin')} waiting.` : '',
    goneCount > 0 ? `${countOf(goneCount, 'coin')} taken by whoever had the code.` : '',
    openCount > 0
      ? `${countOf(openCount, 'coin')} on too few servers for anybody else: take them back.`
      : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}

export interface ContentsWords {
  /** Coins that can be taken; 0: `text` says why. */
  readonly takableCount: number;
  readonly text: string;
}

/** What a look into a locker showed. */
export function contentsWords({ coins, answeredCount, serverCount }: ContentsView): ContentsWords {
  const takable = coins.filter(({ servers }) => servers >= QUORUM);
  if (answeredCount < QUORUM) {
    const answered = `Only ${countOf(answeredCount, 'server')} answered`;
    return { takableCount: 0, text: `${answered}, ${QUORUM} are needed. Try again later.` };
  }
  if (coins.length === 0) {
    return { takableCount: 0, text: 'It is empty, or no such locker was ever filled.' };
  }
  const left = coins.length - takable.length;
  const few = `${countOf(left, 'coin')} on fewer than ${QUORUM} servers cannot be taken.`;
  if (takable.length === 0) return { takableCount: 0, text: few };
  const least = Math.min(...takable.map(({ servers }) => servers));
  const on = least === serverCount ? `all ${serverCount}` : `at least ${least} of ${serverCount}`;
  const what = `${piecesOf(takable)}: value ${formatValue(unitsOf(takable))}, on ${on} servers.`;
  return { takableCount: takable.length, text: left > 0 ? `${what} ${few}` : what };
}
