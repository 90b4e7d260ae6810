/**
 * What the page knows of its open wallet, and the rule of one work at a time. Belongs to one
 * worker; tells its owner when there is something new to draw.
 */

import type { MessageClient } from '../worker/message-client.ts';
import { WorkerFailure } from '../worker/messages.ts';
import { Light, type TaskProgress, type WalletView } from '../worker/views.ts';
import type { Notice } from './notice.ts';
import { type ServerState, withAnswer, withTask } from './servers.ts';
import { advanceTask, startTask, type TaskKind, type TaskState } from './task.ts';

/** Short enough to look live, long enough that the page draws and does nothing else. */
const GATHER_MS = 40;

export interface TaskCall {
  readonly signal: AbortSignal;
  onProgress(progress: TaskProgress): void;
}

export interface TaskEnd<Result> {
  readonly result: Result;
  /** The user has stopped it. */
  readonly stopped: boolean;
  /** The coins it was about. */
  readonly ids: ReadonlySet<number>;
}

export class WalletSession {
  readonly client: MessageClient;
  wallet: WalletView;
  servers: readonly ServerState[] = [];
  selection: ReadonlySet<number> = new Set();
  /** Coins that healing was last about. */
  tried: ReadonlySet<number> = new Set();
  task: TaskState | undefined;
  notice: Notice | undefined;
  busy = false;
  /** The servers are being asked for an echo. */
  asking = false;
  /** Works that have ended: tests must not mistake the moment before one for that after it. */
  ended = 0;
  /** What the page does by itself after unlocking has been done. */
  begun = false;
  readonly #changed: () => void;
  readonly #heard: TaskProgress[] = [];
  #stopTask: AbortController | undefined;

  constructor(client: MessageClient, wallet: WalletView, changed: () => void) {
    this.client = client;
    this.wallet = wallet;
    this.#changed = changed;
  }

  /** Run one thing at a time; what goes wrong becomes the one sentence on the page. */
  async work(work: () => Promise<unknown>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.#changed();
    try {
      await work();
    } catch (error) {
      this.say({ tone: 'bad', text: sentenceOf(error) });
    } finally {
      this.busy = false;
      this.ended++;
      this.#changed();
    }
  }

  /** A work with progress that can be stopped; `end` says how it ended. */
  async runTask<Result extends WalletView | { readonly wallet: WalletView }>(
    kind: TaskKind,
    call: (options: TaskCall) => Promise<Result>,
    end: (end: TaskEnd<Result>) => Notice,
  ): Promise<void> {
    const stop = new AbortController();
    this.#stopTask = stop;
    await this.work(async () => {
      if (kind !== 'settle') this.say(undefined);
      const task = startTask(kind);
      this.task = task;
      const before = this.wallet;
      try {
        const { signal } = stop;
        const result = await call({ signal, onProgress: (progress) => this.#hear(progress) });
        this.#showHeard();
        const ids = this.task.ids;
        this.show('wallet' in result ? result.wallet : result);
        this.say(end({ result, stopped: signal.aborted, ids }));
      } catch (error) {
        this.wallet = before;
        throw error;
      } finally {
        this.#heard.length = 0;
        this.task = undefined;
      }
    });
  }

  cancelTask(): void {
    if (this.task === undefined) return;
    this.task = { ...this.task, cancelling: true };
    this.#stopTask?.abort();
    this.#changed();
  }

  /** Beside everything else: whoever wants to work need not wait for silent servers. */
  async askServers(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    const ids = this.wallet.network.serverIds;
    this.servers = ids.map((raidaId) => ({ raidaId, light: Light.PENDING, elapsedMs: null }));
    this.#changed();
    try {
      const network = await this.client.call('servers', null, {
        onProgress: (answer) => {
          this.servers = withAnswer(this.servers, answer);
          this.#changed();
        },
      });
      this.wallet = { ...this.wallet, network };
    } catch (error) {
      this.say({ tone: 'bad', text: sentenceOf(error) });
    } finally {
      this.asking = false;
      this.#changed();
    }
  }

  show(wallet: WalletView): void {
    this.wallet = wallet;
    const ids = new Set(this.coinsHere().map((coin) => coin.id));
    this.select(new Set([...this.selection].filter((id) => ids.has(id))));
  }

  select(selection: ReadonlySet<number>): void {
    this.selection = selection;
    this.#changed();
  }

  say(notice: Notice | undefined): void {
    this.notice = notice;
    this.#changed();
  }

  /** Coins that can be worked on: those in lockers are elsewhere. */
  coinsHere() {
    return this.wallet.coins.filter(({ place }) => place === 'wallet');
  }

  /** The selected coins; all of them, if none is. */
  chosenIds(): readonly number[] {
    if (this.selection.size > 0) return [...this.selection];
    return this.coinsHere().map((coin) => coin.id);
  }

  /** Answers come in hundreds: they are gathered for a moment and shown together. */
  #hear(progress: TaskProgress): void {
    this.#heard.push(progress);
    if (this.#heard.length === 1) setTimeout(() => this.#showHeard(), GATHER_MS);
  }

  #showHeard(): void {
    const news = this.#heard.splice(0);
    if (this.task === undefined || news.length === 0) return;
    const { task, coins } = advanceTask(this.task, this.wallet.coins, news);
    this.task = task;
    this.wallet = { ...this.wallet, coins };
    this.servers = withTask(this.servers, task.servers);
    this.#changed();
  }
}

export function sentenceOf(error: unknown): string {
  return error instanceof WorkerFailure ? error.message : 'Something unexpected went wrong here.';
}

export function codeOf(error: unknown): string {
  return error instanceof WorkerFailure ? error.code : '';
}
