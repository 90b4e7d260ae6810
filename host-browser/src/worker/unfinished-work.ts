/**
 * What an earlier page was cut off in. The coins' own records tell which secrets are open; they do
 * not tell that coins were being healed, or which locker was being opened. So a note is stored
 * before such work begins and goes when it has ended, however it ended.
 */

import type { SealedWalletStore, Unfinished } from '../storage/sealed-wallet-store.ts';
import { WorkerFailure } from './messages.ts';
import type { UnfinishedView } from './views.ts';

/** Lockers that were never gone on with: the oldest note goes. */
const NOTES_MAX = 32;

export type NoteStore = Pick<SealedWalletStore, 'unfinished' | 'noteUnfinished'>;

export class UnfinishedWork {
  readonly #store: NoteStore;
  #notes: readonly Unfinished[];

  private constructor(store: NoteStore, notes: readonly Unfinished[]) {
    this.#store = store;
    this.#notes = notes;
  }

  static async load(store: NoteStore): Promise<UnfinishedWork> {
    return new UnfinishedWork(store, await store.unfinished());
  }

  /** Runs `work` under a note of it. One that is here already for the same work is its own. */
  async during<Result>(note: Unfinished, work: () => Promise<Result>): Promise<Result> {
    const others = this.#notes.filter((one) => !isSameWork(one, note));
    await this.#store.noteUnfinished([note, ...others].slice(0, NOTES_MAX));
    try {
      return await work();
    } finally {
      await this.#keep(others);
    }
  }

  /** The latest one. A locker's code stays here: going on needs only the user's word. */
  view(): UnfinishedView | undefined {
    const [note] = this.#notes;
    return note?.kind === 'take' ? { kind: 'take' } : note;
  }

  /** The code of the locker in view(). Throws WorkerFailure ANDVARI_NO_LOCKER. */
  code(): string {
    const [note] = this.#notes;
    if (note?.kind === 'take') return note.code;
    throw new WorkerFailure('ANDVARI_NO_LOCKER', 'There is no interrupted work with a locker.');
  }

  /** Forgets the one in view(). */
  async drop(): Promise<void> {
    await this.#keep(this.#notes.slice(1));
  }

  async #keep(notes: readonly Unfinished[]): Promise<void> {
    await this.#store.noteUnfinished(notes);
    this.#notes = notes;
  }
}

/** Fracked coins speak for themselves, so one note of healing is enough. */
function isSameWork(a: Unfinished, b: Unfinished): boolean {
  if (a.kind === 'take' && b.kind === 'take') return a.code === b.code;
  return a.kind === b.kind;
}
