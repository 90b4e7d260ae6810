/** What the page knows of work under way in the worker, and how it reads. Pure functions. */

import { type CoinView, Light, type TaskProgress } from '../worker/messages.ts';
import { countOf } from './format.ts';

export type TaskKind = 'detect' | 'pown' | 'settle';

export interface TaskState {
  readonly kind: TaskKind;
  /** The coins it is about; empty before it has started. */
  readonly ids: ReadonlySet<number>;
  readonly serverIds: readonly number[];
  /** Light of each server, 25 characters: pending, has answered for all coins, silent. */
  readonly servers: string;
  /** Coins that each server has answered for, by RAIDA id. */
  readonly answered: ReadonlyMap<number, ReadonlySet<number>>;
  readonly cancelling: boolean;
}

const ALL_UNTRIED = Light.UNTRIED.repeat(25);
const SILENT: readonly string[] = [Light.SILENT, Light.UNREACHABLE];

export function startTask(kind: TaskKind): TaskState {
  return {
    kind,
    ids: new Set(),
    serverIds: [],
    servers: ALL_UNTRIED,
    answered: new Map(),
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
    next =
      progress.stage === 'started'
        ? started(next, lights, progress)
        : answered(next, lights, progress);
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
  // Settling asks only those servers that have not told yet; the other lights still stand.
  const asksAll = task.kind !== 'settle';
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
  const wanted = task.serverIds.length * task.ids.size;
  if (wanted === 0 || task.kind === 'settle') return undefined;
  const got = [...task.answered.values()].reduce((sum, ids) => sum + ids.size, 0);
  return Math.min(1, got / wanted);
}

export function headlineOf(task: TaskState): string {
  const coins = task.ids.size === 0 ? 'coins' : countOf(task.ids.size, 'coin');
  if (task.kind === 'detect') return `Checking ${coins}`;
  if (task.kind === 'settle') return `Finding out what the servers hold for ${coins}`;
  return `Taking ownership of ${coins}. Keep this page open.`;
}

export function announcementOf(task: TaskState): string {
  const serverCount = task.serverIds.length;
  if (serverCount === 0) return 'Getting ready…';
  if (task.kind === 'settle') return `${countOf(task.answered.size, 'server')} answered so far`;
  const done = [...task.answered.values()].filter((ids) => ids.size >= task.ids.size).length;
  return `${done} of ${serverCount} servers are done`;
}
