/** Work in several steps, as its owner sees it: which are done, which is under way. Pure. */

import type { StepName, TaskProgress } from '../worker/views.ts';
import { countOf } from './format.ts';

export interface Step {
  readonly name: StepName;
  readonly state: 'waiting' | 'current' | 'done';
  /** Servers that are through, of those asked; both 0 while waiting. */
  readonly done: number;
  readonly total: number;
}

/** `settle` first where old questions are open; `take` after a put gives coins back. */
const ORDER: readonly StepName[] = ['settle', 'tickets', 'fix', 'peek', 'detect', 'put', 'take'];

export const STEP_WORDS: Readonly<Record<StepName, string>> = {
  settle: 'Open questions',
  tickets: 'Tickets',
  fix: 'Fix',
  detect: 'Detect',
  put: 'Into the locker',
  peek: 'Look inside',
  take: 'Out of the locker',
  reserve: 'Reserve numbers',
  exchange: 'Exchange',
};

/** The steps that are to be expected, in order. */
export function planOf(...names: StepName[]): readonly Step[] {
  return names.map((name) => ({ name, state: 'waiting', done: 0, total: 0 }));
}

/**
 * The steps after news of one. Those before it are over; those after it wait, also when they were
 * done once: healing goes round again with new tickets.
 */
export function advanceSteps(
  steps: readonly Step[],
  { step: name, done, total }: Extract<TaskProgress, { stage: 'step' }>,
): readonly Step[] {
  const known = steps.some((step) => step.name === name);
  const all = known ? steps : inOrder([...steps, ...planOf(name)]);
  const place = all.findIndex((step) => step.name === name);
  return all.map((step, index) => {
    if (index < place) return { ...step, state: 'done' };
    if (index > place) return { ...step, state: 'waiting', done: 0, total: 0 };
    return { name, state: done < total ? 'current' : 'done', done, total };
  });
}

function inOrder(steps: readonly Step[]): readonly Step[] {
  return [...steps].sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
}

/** 0 to 1; each step counts the same. Undefined: none has begun. */
export function fractionOfSteps(steps: readonly Step[]): number | undefined {
  if (steps.every(({ state }) => state === 'waiting')) return undefined;
  const parts = steps.map(({ state, done, total }) =>
    state === 'done' ? 1 : total === 0 ? 0 : done / total,
  );
  return parts.reduce((sum, part) => sum + part, 0) / steps.length;
}

/** `Step 2 of 3, fix: 1 of 3 servers`. */
export function stepSentence(steps: readonly Step[]): string | undefined {
  const current = steps.findLastIndex(({ state }) => state !== 'waiting');
  const step = steps[current];
  if (step === undefined) return undefined;
  const words = STEP_WORDS[step.name].toLowerCase();
  const place = `Step ${current + 1} of ${steps.length}, ${words}`;
  return step.total === 0 ? place : `${place}: ${step.done} of ${countOf(step.total, 'server')}`;
}
