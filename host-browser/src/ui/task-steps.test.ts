import { describe, expect, it } from 'vitest';
import type { StepName } from '../worker/views.ts';
import { advanceSteps, fractionOfSteps, planOf, type Step, stepSentence } from './task-steps.ts';

const plan = planOf('tickets', 'fix', 'detect');
const news = (step: StepName, done: number, total: number) =>
  ({ stage: 'step', step, done, total }) as const;
const after = (steps: readonly Step[], ...all: ReturnType<typeof news>[]) =>
  all.reduce(advanceSteps, steps);
const states = (steps: readonly Step[]) => steps.map(({ name, state }) => `${name} ${state}`);

describe('work in steps', () => {
  it('has not begun before the first news', () => {
    expect(fractionOfSteps(plan)).toBeUndefined();
    expect(stepSentence(plan)).toBeUndefined();
  });

  it('counts the servers of the step that is under way', () => {
    const steps = after(plan, news('tickets', 0, 25), news('tickets', 25, 25), news('fix', 1, 3));
    expect(states(steps)).toEqual(['tickets done', 'fix current', 'detect waiting']);
    expect(stepSentence(steps)).toBe('Step 2 of 3, fix: 1 of 3 servers');
    expect(fractionOfSteps(steps)).toBeCloseTo(4 / 9);
  });

  it('is done with every step at the end, also with those that were not needed', () => {
    const steps = after(plan, news('tickets', 25, 25), news('detect', 25, 25));
    expect(states(steps)).toEqual(['tickets done', 'fix done', 'detect done']);
    expect(fractionOfSteps(steps)).toBe(1);
  });

  it('goes round again', () => {
    const steps = after(plan, news('tickets', 25, 25), news('fix', 3, 3), news('tickets', 2, 25));
    expect(states(steps)).toEqual(['tickets current', 'fix waiting', 'detect waiting']);
  });

  it('takes in a step that was not planned where it belongs', () => {
    const first = after(plan, news('settle', 4, 25));
    expect(first.map(({ name }) => name)).toEqual(['settle', 'tickets', 'fix', 'detect']);
    const last = after(planOf('detect', 'put'), news('put', 25, 25), news('take', 0, 25));
    expect(states(last)).toEqual(['detect done', 'put done', 'take current']);
  });

  it('survives a step that asks nobody', () => {
    const steps = after(plan, news('fix', 0, 0));
    expect(stepSentence(steps)).toBe('Step 2 of 3, fix');
    expect(fractionOfSteps(steps)).toBeCloseTo(2 / 3);
  });
});
