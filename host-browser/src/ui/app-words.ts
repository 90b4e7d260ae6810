/** What the page says and asks, in whole sentences. */

import type { CoinView } from '../worker/messages.ts';
import type { Question } from './confirm.ts';
import { countOf, totalsOf } from './format.ts';
import type { TaskKind } from './task.ts';
import type { Notice } from './wallet-page.ts';

/** Twice what 20,000 coins with two secrets each take: nothing larger is a coin file. */
export const FILE_BYTES_MAX = 32 * 1024 * 1024;
/** Files of one drop: a folder of single coins, not a disk. */
export const FILES_MAX = 2_000;

/** Those files that are worth reading; why the others are not goes to `faults`. */
export function wantedFiles(files: readonly File[], faults: string[]): readonly File[] {
  if (files.length > FILES_MAX) {
    faults.push(`Only the first ${FILES_MAX} of ${files.length} files were read.`);
  }
  return files.slice(0, FILES_MAX).filter((file) => {
    if (file.size <= FILE_BYTES_MAX) return true;
    faults.push(`${file.name} is too large for a coin file.`);
    return false;
  });
}

export function addedSentence(
  counts: { readonly addedCount: number; readonly knownCount: number },
  faults: readonly string[],
): Notice {
  const parts: string[] = [];
  if (counts.addedCount > 0) parts.push(`${countOf(counts.addedCount, 'coin')} added.`);
  if (counts.knownCount > 0) parts.push(`${countOf(counts.knownCount, 'coin')} were here already.`);
  const [first] = faults;
  if (first !== undefined) parts.push(first);
  if (faults.length > 1) parts.push(`(and ${faults.length - 1} more files not taken)`);
  return { tone: first === undefined ? 'good' : 'bad', text: parts.join(' ') };
}

/** How a detect, pown or settle ended for `coins`. */
export function resultSentence(
  kind: TaskKind,
  coins: readonly CoinView[],
  cancelled: boolean,
): Notice {
  const totals = totalsOf(coins);
  const good = totals.authentic.count + totals.fracked.count;
  const parts = [
    part(good, 'authentic'),
    part(totals.fracked.count, 'of them fracked'),
    part(totals.limbo.count, 'in limbo'),
    part(totals.counterfeit.count, 'counterfeit'),
    part(totals.untested.count, 'not checked'),
  ].filter((text) => text !== '');
  const lead = cancelled
    ? 'Stopped'
    : { detect: 'Checked', pown: 'Asked', settle: 'Settled' }[kind];
  const owned = coins.filter((coin) => coin.owned).length;
  const open = coins.filter((coin) => coin.unsettled).length;
  const words = [`${lead} ${countOf(coins.length, 'coin')}: ${parts.join(', ')}.`];
  if (kind !== 'detect' && owned > 0) words.push(`${countOf(owned, 'coin')} now yours alone.`);
  if (open > 0) words.push(`${countOf(open, 'coin')} not settled yet; detect again to go on.`);
  const tone =
    good === coins.length && !cancelled ? 'good' : totals.counterfeit.count > 0 ? 'bad' : 'plain';
  return { tone, text: words.join(' ') };
}

export function interruptedSentence(count: number): Notice {
  const coins = countOf(count, 'coin');
  const text = `An ownership change of ${coins} was interrupted; asking what the servers hold.`;
  return { tone: 'plain', text };
}

export function savedSentence(fileName: string, count: number): Notice {
  const coins = countOf(count, 'coin');
  const text = `${fileName} holds ${coins}. Keep it like cash: whoever has it can spend them.`;
  return { tone: 'plain', text };
}

export function ownershipQuestion(count: number): Question {
  return {
    title: `Take ownership of ${countOf(count, 'coin')}?`,
    text:
      'Each server gets a new secret for each coin. Copies elsewhere, coin files too, become ' +
      'worthless; download a new file afterwards.',
    yes: 'Take ownership',
  };
}

export function removalQuestion(count: number): Question {
  return {
    title: `Remove ${countOf(count, 'coin')} from this wallet?`,
    text: 'Without a downloaded coin file they are lost for good. The servers are not told.',
    yes: 'Remove',
    danger: true,
  };
}

function part(count: number, word: string): string {
  return count === 0 ? '' : `${count.toLocaleString('en-US')} ${word}`;
}
