/** What the page knows of work under way in the worker, and how it reads. Pure functions. */

import { type CoinView, Light, type TaskProgress } from '../worker/views.ts';
import { countOf } from './format.ts';
import { advanceSteps, fractionOfSteps, planOf, type Step, stepSentence } from './task-steps.ts';

export type TaskKind = 'detect' | 'pown' | 'settle' | 'heal' | 'send' | 'take';

export interface TaskState {
  readonly kind: TaskKind;
  /** The coins it is about; empty before it has started. */
  readonly ids: ReadonlySet<number>;
  readonly serverIds: readonly number[];
  /** Light of each server, 25 characters: pending, has answered for all coins, silent. */
  readonly servers: string;
  /** Coins that each server has answered for, by RAIDA id. */
  readonly answered: ReadonlyMap<number, ReadonlySet<number>>;
  /** Empty for work that is one question to each server. */
  readonly steps: readonly Step[];
  readonly cancelling: boolean;
}

const PLANS: Readonly<Record<TaskKind, readonly Step[]>> = {
  detect: [],
  pown: [],
  settle: [],
  heal: planOf('tickets', 'fix', 'detect'),
  send: planOf('detect', 'put'),
  take: planOf('peek', 'take'),
};
/** They ask every server about every coin; the others leave lights alone that still stand. */
const ASK_ALL: readonly TaskKind[] = ['detect', 'pown'];

const ALL_UNTRIED = Light.UNTRIED.repeat(25);
const SILENT: readonly string[] = [Light.SILENT, Light.UNREACHABLE];

export function startTask(kind: TaskKind): TaskState {
  return {
    kind,
    ids: new Set(),
    serverIds: [],
    servers: ALL_UNTRIED,
    answered: new Map(),
    steps: PLANS[kind],
    cancelling: false,
  };
}

/** The task and the coins after some progress messages; both are new values. */
export function advanceTask(
  task: TaskState,
  coins: readonly CoinView[],
  news: readonly TaskProgress[],
): { task: TaskState; coins: readonly CoinView[] } {
  let next = task;
  const lights = new Map(coins.map((coin) => [coin.id, coin.lights]));
  for (const progress of news) {
    if (progress.stage === 'started') next = started(next, lights, progress);
    else if (progress.stage === 'answer') next = answered(next, lights, progress);
    else next = { ...next, steps: advanceSteps(next.steps, progress) };
  }
  const changed = coins.map((coin) => {
    const now = lights.get(coin.id) ?? coin.lights;
    return now === coin.lights ? coin : { ...coin, lights: now };
  });
  return { task: next, coins: changed };
}

function started(
  task: TaskState,
  lights: Map<number, string>,
  { ids, serverIds }: Extract<TaskProgress, { stage: 'started' }>,
): TaskState {
  const servers = serverIds.reduce((all, id) => setLight(all, id, Light.PENDING), ALL_UNTRIED);
  const asksAll = ASK_ALL.includes(task.kind);
  for (const id of ids) if (asksAll && lights.has(id)) lights.set(id, servers);
  return { ...task, ids: new Set(ids), serverIds, servers };
}

function answered(
  task: TaskState,
  lights: Map<number, string>,
  { raidaId, ids, lights: news }: Extract<TaskProgress, { stage: 'answer' }>,
): TaskState {
  for (const [place, id] of ids.entries()) {
    const before = lights.get(id);
    if (before !== undefined) lights.set(id, setLight(before, raidaId, news.charAt(place)));
  }
  const done = new Set([...(task.answered.get(raidaId) ?? []), ...ids]);
  const silent = [...news].every((light) => SILENT.includes(light));
  const light = silent ? Light.SILENT : done.size >= task.ids.size ? Light.PASS : Light.PENDING;
  return {
    ...task,
    servers: setLight(task.servers, raidaId, light),
    answered: new Map([...task.answered, [raidaId, done]]),
  };
}

/** `lights` with the character of one server replaced. */
export function setLight(lights: string, raidaId: number, light: string): string {
  return lights.slice(0, raidaId) + light + lights.slice(raidaId + 1);
}

/** 0 to 1: answers that have come in, of those wanted; undefined: nobody knows how many. */
export function fractionOf(task: TaskState): number | undefined {
  if (task.steps.length > 0) return fractionOfSteps(task.steps);
  const wanted = task.serverIds.length * task.ids.size;
  if (wanted === 0 || task.kind === 'settle') return undefined;
  const got = [...task.answered.values()].reduce((sum, ids) => sum + ids.size, 0);
  return Math.min(1, got / wanted);
}

export function headlineOf(task: TaskState): string {
  const coins = task.ids.size === 0 ? 'coins' : countOf(task.ids.size, 'coin');
  const headlines: Readonly<Record<TaskKind, string>> = {
    detect: `Checking ${coins}`,
    settle: `Finding out what the servers hold for ${coins}`,
    pown: `Taking ownership of ${coins}. Keep this page open.`,
    heal: `Healing ${coins}`,
    send: `Putting ${coins} into a locker. Keep this page open.`,
    take: 'Taking coins out of a locker. Keep this page open.',
  };
  return headlines[task.kind];
}

export function announcementOf(task: TaskState): string {
  const serverCount = task.serverIds.length;
  if (serverCount === 0) return 'Getting ready…';
  if (task.steps.length > 0) return stepSentence(task.steps) ?? 'Getting ready…';
  if (task.kind === 'settle') return `${countOf(task.answered.size, 'server')} answered so far`;
  const done = [...task.answered.values()].filter((ids) => ids.size >= task.ids.size).length;
  return `${done} of ${serverCount} servers are done`;
}
