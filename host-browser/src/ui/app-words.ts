/** What the page says and asks, in whole sentences. */

import type { AddedView, CoinView, FileView, UnfinishedView } from '../worker/views.ts';
import type { Question } from './confirm.ts';
import { countOf, countsOf } from './format.ts';
import type { Notice } from './notice.ts';

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
  counts: Omit<AddedView, 'wallet'>,
  faults: readonly string[],
): Notice {
  const { addedCount, knownCount, twofoldCount } = counts;
  const parts: string[] = [];
  if (addedCount > 0) parts.push(`${countOf(addedCount, 'coin')} added.`);
  if (knownCount > 0) parts.push(`${countOf(knownCount, 'coin')} already here.`);
  if (twofoldCount > 0) {
    parts.push(`${countOf(twofoldCount, 'coin')} here with other secrets; Detect tells the right.`);
  }
  const [first] = faults;
  if (first !== undefined) parts.push(first);
  if (faults.length > 1) parts.push(`(${countOf(faults.length - 1, 'more problem')})`);
  return { tone: first === undefined ? 'good' : 'bad', text: parts.join(' ') };
}

type Asking = 'detect' | 'pown' | 'settle';

const LEADS: Readonly<Record<Asking, string>> = {
  detect: 'Checked',
  pown: 'Ownership change of',
  settle: 'Asked about',
};

/** How a detect, pown or settle ended for `coins`. */
export function resultSentence(
  kind: Asking,
  coins: readonly CoinView[],
  cancelled: boolean,
): Notice {
  const counts = countsOf(coins);
  const good = counts.authentic + counts.fracked;
  const grades = [
    part(good, 'authentic'),
    part(counts.fracked, 'of them fracked'),
    part(counts.limbo, 'in limbo'),
    part(counts.counterfeit, 'counterfeit'),
    part(counts.untested, 'not checked'),
  ].filter((text) => text !== '');
  const lead = cancelled ? 'Stopped at' : LEADS[kind];
  const words = [`${lead} ${countOf(coins.length, 'coin')}: ${grades.join(', ')}.`];
  const owned = coins.filter((coin) => coin.owned && !coin.unsettled).length;
  if (kind !== 'detect' && owned > 0) {
    words.push(owned === coins.length ? 'All yours alone now.' : `${owned} yours alone now.`);
  }
  const open = coins.filter((coin) => coin.unsettled).length;
  if (open > 0) {
    words.push(`${countOf(open, 'coin')} not settled: old and new secrets are both kept.`);
  } else if (kind !== 'detect' && coins.some((coin) => coin.openServers > 0)) {
    words.push('Some servers were silent; they are asked again later.');
  }
  const bad = counts.counterfeit > 0;
  const tone = bad ? 'bad' : good === coins.length && !cancelled && open === 0 ? 'good' : 'plain';
  return { tone, text: words.join(' ') };
}

export function interruptedSentence(count: number): Notice {
  const coins = countOf(count, 'coin');
  const text = `Work on ${coins} was interrupted; asking what the servers hold.`;
  return { tone: 'plain', text };
}

export function savedSentence(files: readonly FileView[], count: number): Notice {
  const names = files.map((file) => file.name).join(' and ');
  const coins = countOf(count, 'coin');
  const text = `${names}: ${coins}. Keep it like cash, whoever has it can spend them.`;
  return { tone: 'plain', text };
}

/** What is offered to go on with after a reload. */
export function unfinishedSentence(unfinished: UnfinishedView): string {
  if (unfinished.kind === 'take') return 'Taking coins out of a locker was interrupted.';
  return `Healing ${countOf(unfinished.ids.length, 'coin')} was interrupted.`;
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
