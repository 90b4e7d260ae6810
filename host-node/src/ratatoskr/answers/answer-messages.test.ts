import { expect, it } from 'vitest';
import { type AnswerChange, packChanges, unpackChanges } from './answer-messages.ts';

const key = (requestId: string) => ({ deviceId: 'd', requestId });

it('changes come out as they went in', () => {
  const outcome = { ok: false as const, code: 'SERVICE_ERROR' as const, message: 'why\0not' };
  const payload = (...bytes: number[]) => ({ ok: true as const, payload: Uint8Array.from(bytes) });
  const changes: AnswerChange[] = [
    { kind: 'begin', key: key('a'), digest: new Uint8Array(32).fill(1), steadyS: 100 },
    { kind: 'finish', key: key('\0"\ud83d\ude00'), outcome: payload(1, 2, 3) },
    { kind: 'try' },
    { kind: 'find', key: key('') },
    { kind: 'finish', key: key('b'), outcome },
    { kind: 'finish', key: key('c'), outcome: payload() },
    { kind: 'forget', key: key('d') },
    { kind: 'begin', key: key('e'), digest: new Uint8Array(32).fill(2), steadyS: 0 },
  ];
  const packed = structuredClone(packChanges(changes));
  expect([...unpackChanges(packed)]).toEqual(changes);
  expect([...unpackChanges(packChanges([]))]).toEqual([]);
});

it('an answer that waits is not what the thread is given: that is taken away', () => {
  const outcome = { ok: true as const, payload: Uint8Array.of(7) };
  const { bytes } = packChanges([{ kind: 'finish', key: key('a'), outcome }]);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  expect(outcome.payload).toEqual(Uint8Array.of(7));
});
