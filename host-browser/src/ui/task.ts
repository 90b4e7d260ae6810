/** What the page knows of work under way in the worker, and how it reads. Pure functions. */

import { type CoinView, Light, type TaskProgress } from '../worker/messages.ts';
import { countOf } from './format.ts';

export type TaskKind = 'detect' | 'pown' | 'settle';

export interface TaskState {
  readonly kind: TaskKind;
  /** What is asked now; undefined before the first question. */
  readonly round: 'detect' | 'pown' | 'find' | undefined;
  /** The coins of the round, in the order in which answers speak of them. */
  readonly ids: readonly number[];
  readonly serverIds: readonly number[];
  /** Light of each server, 25 characters: pending, has answered for all coins, silent. */
  readonly servers: string;
  /** Coins that each server has answered for, by RAIDA id. */
  readonly answered: Readonly<Record<number, number>>;
  readonly cancelling: boolean;
}

const ALL_UNTRIED = Light.UNTRIED.repeat(25);
const SILENT: readonly string[] = [Light.SILENT, Light.UNREACHABLE];

export function startTask(kind: TaskKind): TaskState {
  return {
    kind,
    round: undefined,
    ids: [],
    serverIds: [],
    servers: ALL_UNTRIED,
    answered: {},
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
        ? startRound(next, lights, progress)
        : countAnswers(next, lights, progress);
  }
  const changed = coins.map((coin) => {
    const now = lights.get(coin.id) ?? coin.lights;
    return now === coin.lights ? coin : { ...coin, lights: now };
  });
  return { task: next, coins: changed };
}

function startRound(
  task: TaskState,
  lights: Map<number, string>,
  { round, ids, serverIds }: Extract<TaskProgress, { stage: 'started' }>,
): TaskState {
  const servers = serverIds.reduce((all, id) => setLight(all, id, Light.PENDING), ALL_UNTRIED);
  for (const id of ids) if (lights.has(id)) lights.set(id, servers);
  return { ...task, round, ids, serverIds, servers, answered: {} };
}

function countAnswers(
  task: TaskState,
  lights: Map<number, string>,
  { raidaId, indices, lights: news }: Extract<TaskProgress, { stage: 'answer' }>,
): TaskState {
  for (const [place, index] of indices.entries()) {
    const id = task.ids[index] ?? 0;
    const before = lights.get(id);
    if (before !== undefined) lights.set(id, setLight(before, raidaId, news.charAt(place)));
  }
  const count = (task.answered[raidaId] ?? 0) + indices.length;
  const silent = [...news].every((light) => SILENT.includes(light));
  const done = count >= task.ids.length;
  const light = silent ? Light.SILENT : done ? Light.PASS : Light.PENDING;
  return {
    ...task,
    servers: setLight(task.servers, raidaId, light),
    answered: { ...task.answered, [raidaId]: count },
  };
}

/** `lights` with the character of one server replaced. */
export function setLight(lights: string, raidaId: number, light: string): string {
  return lights.slice(0, raidaId) + light + lights.slice(raidaId + 1);
}

/** 0 to 1: answers that have come in, of those that this round wants. */
export function fractionOf(task: TaskState): number {
  const wanted = task.serverIds.length * task.ids.length;
  const got = Object.values(task.answered).reduce((sum, count) => sum + count, 0);
  return wanted === 0 ? 0 : Math.min(1, got / wanted);
}

export function headlineOf(task: TaskState): string {
  const coins = task.ids.length === 0 ? 'coins' : countOf(task.ids.length, 'coin');
  if (task.kind === 'detect') return `Checking ${coins}`;
  if (task.kind === 'settle') return `Finding out what the servers hold for ${coins}`;
  if (task.round === 'find') return `Asking again about ${coins}. Keep this page open.`;
  return `Taking ownership of ${coins}. Keep this page open.`;
}

export function announcementOf(task: TaskState): string {
  if (task.round === undefined) return 'Getting ready…';
  const counts = task.serverIds.map((id) => task.answered[id] ?? 0);
  const done = counts.filter((count) => count >= task.ids.length).length;
  return `${done} of ${counts.length} servers are done`;
}
