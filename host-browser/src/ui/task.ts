/** What the page knows of work under way in the worker, and how it reads. Pure functions. */

import { type CoinView, Light, type TaskProgress } from '../worker/messages.ts';
import { countOf } from './format.ts';

export type TaskKind = 'detect' | 'pown' | 'settle';

export interface TaskState {
  readonly kind: TaskKind;
  /** The coins it is about, in the order in which answers speak of them. */
  readonly ids: readonly string[];
  readonly serverCount: number;
  /** Light of each server, 25 characters: asked, answered, silent. */
  readonly servers: string;
  readonly answerCount: number;
  readonly cancelling: boolean;
}

const ALL_UNTRIED = Light.UNTRIED.repeat(25);

export function startTask(kind: TaskKind): TaskState {
  const servers = ALL_UNTRIED;
  return { kind, ids: [], serverCount: 0, servers, answerCount: 0, cancelling: false };
}

/** The task and the coins after one progress message; both are new values. */
export function advanceTask(
  task: TaskState,
  coins: readonly CoinView[],
  progress: TaskProgress,
): { task: TaskState; coins: readonly CoinView[] } {
  if (progress.stage === 'started') {
    const { ids, serverIds } = progress;
    const pending = serverIds.reduce((all, id) => setLight(all, id, Light.PENDING), ALL_UNTRIED);
    const asked = new Set(ids);
    return {
      task: { ...task, ids, serverCount: serverIds.length, servers: pending, answerCount: 0 },
      coins: coins.map((coin) => (asked.has(coin.id) ? { ...coin, lights: pending } : coin)),
    };
  }
  const { raidaId, lights, answered } = progress;
  const light = answered ? Light.PASS : Light.SILENT;
  const news = new Map(task.ids.map((id, index) => [id, lights.charAt(index)]));
  return {
    task: {
      ...task,
      servers: setLight(task.servers, raidaId, light),
      answerCount: task.answerCount + 1,
    },
    coins: coins.map((coin) => {
      const own = news.get(coin.id);
      return own ? { ...coin, lights: setLight(coin.lights, raidaId, own) } : coin;
    }),
  };
}

/** `lights` with the character of one server replaced. */
export function setLight(lights: string, raidaId: number, light: string): string {
  return lights.slice(0, raidaId) + light + lights.slice(raidaId + 1);
}

/** 0 to 1. */
export function fractionOf(task: TaskState): number {
  return task.serverCount === 0 ? 0 : task.answerCount / task.serverCount;
}

export function headlineOf(task: TaskState): string {
  const coins = task.ids.length === 0 ? 'coins' : countOf(task.ids.length, 'coin');
  if (task.kind === 'detect') return `Checking ${coins}`;
  if (task.kind === 'pown') return `Taking ownership of ${coins}. Keep this page open.`;
  return `Finding out what each server holds for ${coins}`;
}

export function announcementOf(task: TaskState): string {
  if (task.serverCount === 0) return 'Getting ready…';
  return `${task.answerCount} of ${task.serverCount} servers are done`;
}
