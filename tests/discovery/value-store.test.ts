/** What a node of the DHT keeps for others: room, fairness, time; and the messages for it. */
import { ANNOUNCEMENT_TTL_MS } from '@andvari/host-common/discovery/announcement';
import {
  answerBytes,
  questionBytes,
  readAnswer,
  readQuestion,
  StoreStatus,
} from '@andvari/host-common/discovery/store-messages';
import { ValueStore } from '@andvari/host-common/discovery/value-store';
import { hostRandom, joined } from '@andvari/host-common/transfer/byte-strings';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const key = hostRandom(20);
const value = (number: number) => Uint8Array.of(number);

function storeOf(valuesMax?: number) {
  const clock = { ms: 1_000_000 };
  const store = new ValueStore({ nowMs: () => clock.ms, ...(valuesMax && { valuesMax }) });
  return { store, clock };
}

it('keeps one value of each owner under a key, the newest first, until it is taken back', () => {
  const { store } = storeOf();
  const bytes = value(1);
  expect(store.put(key, bytes, { owner: 'a', from: 1 })).toBe(true);
  bytes[0] = 99;
  store.put(key, value(2), { owner: 'b', from: 2 });
  expect(store.get(key)).toEqual([value(2), value(1)]);
  store.put(key, value(3), { owner: 'a', from: 1 });
  expect(store.get(key)).toEqual([value(3), value(2)]);
  store.remove(key, 'c');
  store.remove(hostRandom(20), 'a');
  store.remove(key, 'a');
  expect([store.get(key), store.size]).toEqual([[value(2)], 1]);
  expect(store.get(hostRandom(20))).toEqual([]);
});

it('forgets after an hour, and when the clock was set back', () => {
  const { store, clock } = storeOf();
  store.put(key, value(1), { owner: 'a', from: 1 });
  clock.ms += ANNOUNCEMENT_TTL_MS - 1;
  expect(store.get(key)).toHaveLength(1);
  clock.ms += 1;
  expect([store.get(key), store.size]).toEqual([[], 0]);
  store.put(key, value(1), { owner: 'a', from: 1 });
  clock.ms -= 1;
  expect(store.get(key)).toEqual([]);
});

it('gives 32 places of a key to many addresses rather than to one', () => {
  const { store } = storeOf();
  for (let i = 0; i < 32; i++) store.put(key, value(i), { owner: `liar ${i}`, from: 1 });
  expect(store.put(key, value(40), { owner: 'liar 40', from: 1 })).toBe(false);
  for (let i = 0; i < 30; i++) {
    expect(store.put(key, value(100 + i), { owner: `one ${i}`, from: 2 + i })).toBe(true);
  }
  const kept = store.get(key).map(([first = 0]) => first);
  expect(kept.filter((number) => number >= 100)).toHaveLength(30);
  expect(kept).toHaveLength(32);
  // The last two of one address are no more than a newcomer would have.
  store.put(key, value(200), { owner: 'last', from: 50 });
  expect(store.put(key, value(201), { owner: 'beyond', from: 51 })).toBe(false);
});

it('gives all its room to many addresses rather than to one', () => {
  const { store } = storeOf(10);
  const put = (from: number, owner = `of ${from}`) =>
    store.put(hostRandom(20), value(1), { owner, from });
  for (let i = 0; i < 10; i++) expect(put(1)).toBe(true);
  expect(put(1)).toBe(false);
  for (let from = 2; from <= 10; from++) expect(put(from)).toBe(true);
  expect(store.size).toBe(10);
  expect(put(20)).toBe(false);
});

it('reads questions and answers that it has written', () => {
  const found = { key, value: undefined };
  expect(readQuestion(questionBytes(found))).toEqual(found);
  for (const length of [0, 1, 1000]) {
    const stored = { key, value: hostRandom(length) };
    expect(readQuestion(questionBytes(stored))).toEqual(stored);
  }
  const values = Array.from({ length: 32 }, (_, i) => hostRandom(i + 1));
  expect(readAnswer(answerBytes(StoreStatus.DONE, values))).toEqual(values);
  expect(readAnswer(answerBytes(StoreStatus.DONE))).toEqual([]);
});

it('refuses questions and answers that are none', () => {
  const find = questionBytes({ key, value: undefined });
  const store = questionBytes({ key, value: hostRandom(1000) });
  const questions = [
    ...[new Uint8Array(0), find.subarray(1), find.subarray(0, 20), joined(find, '0')],
    ...[joined(store, '0'), joined(Uint8Array.of(0), key), joined(Uint8Array.of(3), key)],
  ];
  for (const bytes of questions) expect(readQuestion(bytes)).toBeUndefined();
  const answer = answerBytes(StoreStatus.DONE, [hostRandom(3)]);
  const many = Array.from({ length: 33 }, () => hostRandom(1));
  const answers = [
    ...[new Uint8Array(0), answer.subarray(0, 5), answer.subarray(0, 2), joined(answer, '0')],
    ...[answerBytes(StoreStatus.NO_ROOM), answerBytes(StoreStatus.NOT_UNDERSTOOD)],
    ...[answerBytes(StoreStatus.DONE, many), Uint8Array.of(0, 0, 0)],
  ];
  for (const bytes of answers) expect(readAnswer(bytes)).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1100 }), (bytes) => {
      const question = readQuestion(bytes);
      if (question) expect(questionBytes(question)).toEqual(bytes);
      const read = readAnswer(bytes);
      if (read) expect(answerBytes(0, read)).toEqual(bytes);
    }),
  );
});
