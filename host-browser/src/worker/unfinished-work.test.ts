import { describe, expect, it } from 'vitest';
import type { Unfinished } from '../storage/sealed-wallet-store.ts';
import { type NoteStore, UnfinishedWork } from './unfinished-work.ts';

/** The store as a reload would find it. */
function memoryStore(): NoteStore & { notes: readonly Unfinished[] } {
  const store = {
    notes: [] as readonly Unfinished[],
    unfinished: () => Promise.resolve(store.notes),
    noteUnfinished: (notes: readonly Unfinished[]) => {
      store.notes = structuredClone(notes);
      return Promise.resolve();
    },
  };
  return store;
}

const heal = (...ids: number[]): Unfinished => ({ kind: 'heal', ids });
const take = (code: string): Unfinished => ({ kind: 'take', code });
/** Work that the end of the page cuts off. */
const forever = () => new Promise<never>(() => undefined);

async function cutOff(store: NoteStore, note: Unfinished): Promise<UnfinishedWork> {
  const work = await UnfinishedWork.load(store);
  void work.during(note, forever);
  await Promise.resolve();
  return UnfinishedWork.load(store);
}

describe('work that was cut off', () => {
  it('is noted while it runs, and not after it, however it ended', async () => {
    const store = memoryStore();
    const work = await UnfinishedWork.load(store);
    const during = await work.during(heal(1), async () => store.notes);
    expect(during).toEqual([heal(1)]);
    const failed = work.during(take('A'), () => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    expect([store.notes, work.view()]).toEqual([[], undefined]);
  });

  it('is offered by the next page, without the code', async () => {
    const again = await cutOff(memoryStore(), take('SECRET'));
    expect(again.view()).toEqual({ kind: 'take' });
    expect(again.code()).toBe('SECRET');
    expect((await cutOff(memoryStore(), heal(4, 7))).view()).toEqual(heal(4, 7));
  });

  it('gives no code where healing was cut off, or nothing', async () => {
    const healing = await cutOff(memoryStore(), heal(1));
    expect(() => healing.code()).toThrow('no interrupted work');
    const nothing = await UnfinishedWork.load(memoryStore());
    expect(() => nothing.code()).toThrow('no interrupted work');
  });

  it('is done when the same work ends well, and another one stays', async () => {
    const store = memoryStore();
    await cutOff(store, take('A'));
    const work = await cutOff(store, take('B'));
    await work.during(heal(1), async () => undefined);
    expect(store.notes).toEqual([take('B'), take('A')]);
    await work.during(take('B'), async () => undefined);
    expect(store.notes).toEqual([take('A')]);
    await work.drop();
    expect(store.notes).toEqual([]);
  });

  it('has room for so many notes and no more', async () => {
    const store = memoryStore();
    for (let count = 0; count < 40; count++) await cutOff(store, take(`code ${count}`));
    expect(store.notes).toHaveLength(32);
    expect(store.notes[0]).toEqual(take('code 39'));
  });
});
