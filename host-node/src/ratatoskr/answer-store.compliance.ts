/** What every AnswerStore does. */
import { describe, expect, it } from 'vitest';
import { type AnswerLimits, type AnswerStore, AnswerStoreError } from './answer-store.ts';
import type { ServiceOutcome } from './service-bus.ts';

const digest = new Uint8Array(32).fill(7);
const done = (text: string): ServiceOutcome => ({
  ok: true,
  payload: new TextEncoder().encode(text),
});
const key = (requestId: string, deviceId = 'd') => ({ deviceId, requestId });

export function answerStoreCompliance(
  name: string,
  open: (limits: Partial<AnswerLimits>) => AnswerStore,
): void {
  describe(`AnswerStore: ${name}`, () => {
    it('knows what began, how it ended, and what was taken back', async () => {
      const store = open({});
      expect(store.find(key('a'))).toBeUndefined();
      await store.begin(key('a'), digest, 100);
      expect(store.find(key('a'))).toEqual({ digest, outcome: undefined });
      const finished = store.finish(key('a'), done('answer'));
      expect(store.find(key('a'))).toEqual({ digest, outcome: done('answer') });
      await finished;
      expect(store.find(key('a'))).toEqual({ digest, outcome: done('answer') });
      const failed: ServiceOutcome = { ok: false, code: 'SERVICE_ERROR', message: 'ü' };
      await store.begin(key('b'), digest, 100);
      await store.finish(key('b'), failed);
      expect(store.find(key('b'))).toEqual({ digest, outcome: failed });
      store.forget(key('a'));
      expect(store.find(key('a'))).toBeUndefined();
      await store.begin(key('a'), digest, 100);
      expect(store.find(key('a'))?.outcome).toBeUndefined();
      store.close();
    });

    it('keeps devices apart, also where ids join to the same text', async () => {
      const store = open({});
      await store.begin(key('bc', 'a'), digest, 100);
      expect(store.find(key('c', 'ab'))).toBeUndefined();
      expect(store.find(key('bc', 'd'))).toBeUndefined();
      expect(store.find(key('BC', 'a'))).toBeUndefined();
      await store.begin(key('\0\n"', 'a'), digest, 100);
      expect(store.find(key('\0\n"', 'a'))).toBeDefined();
      store.close();
    });

    it('gives many that begin at once their own answers', async () => {
      const store = open({});
      const ids = Array.from({ length: 100 }, (_, index) => `r${index}`);
      await Promise.all(ids.map((id) => store.begin(key(id), digest, 100)));
      await Promise.all(ids.map((id) => store.finish(key(id), done(id))));
      for (const id of ids) expect(store.find(key(id))?.outcome).toEqual(done(id));
      store.close();
    });

    it('says so when it cannot take more', async () => {
      const store = open({});
      store.close();
      const began = store.begin(key('a'), digest, 100);
      if (store.durable) await expect(began).rejects.toBeInstanceOf(AnswerStoreError);
      else await began;
    });
  });
}
