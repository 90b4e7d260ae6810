import {
  type ExchangeOptions,
  type RaidaTransport,
  TransportError,
} from '@andvari/host-common/raida/transport';
import { describe, expect, it } from 'vitest';
import { HOLD_MS, OPENING_MAX, PacedTransport } from './paced-transport.ts';

const REQUEST = Uint8Array.of(1, 2, 3);
const OPTIONS = { timeoutMs: 5_000 };

interface Held {
  raidaId: number;
  request: Uint8Array;
  options: ExchangeOptions;
  answer(reply: Uint8Array): void;
  fail(error: TransportError): void;
}

/** Sockets cannot be held half open on purpose, so this keeps each exchange until the test says. */
class HeldTransport implements RaidaTransport {
  readonly held: Held[] = [];

  exchange(raidaId: number, request: Uint8Array, options: ExchangeOptions): Promise<Uint8Array> {
    return new Promise((answer, fail) => {
      this.held.push({ raidaId, request: request.slice(), options, answer, fail });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  ids(): number[] {
    return this.held.map(({ raidaId }) => raidaId);
  }
}

/** Long enough for every promise that is settled to have been heard. */
const heard = () => new Promise((resolve) => setTimeout(resolve, 0));

function started(count: number) {
  const inner = new HeldTransport();
  const paced = new PacedTransport(inner);
  const exchanges = Array.from({ length: count }, (_, raidaId) =>
    paced.exchange(raidaId, REQUEST, OPTIONS),
  );
  return { inner, paced, exchanges };
}

describe('a paced transport', () => {
  it('opens a few connections at a time, in order, until all are open', async () => {
    const { inner, exchanges } = started(25);
    await heard();
    for (let count = OPENING_MAX; count <= 25; count++) {
      expect(inner.ids()).toEqual(Array.from({ length: count }, (_, id) => id));
      inner.held[count - OPENING_MAX]?.answer(Uint8Array.of(count - OPENING_MAX));
      await heard();
    }
    for (const { raidaId, answer } of inner.held) answer(Uint8Array.of(raidaId));
    expect(await Promise.all(exchanges)).toEqual(
      Array.from({ length: 25 }, (_, id) => Uint8Array.of(id)),
    );
    expect(inner.held.every(({ request }) => request.join() === '1,2,3')).toBe(true);
  });

  it('asks a server that has answered at once, and one that failed in its turn', async () => {
    const { inner, paced, exchanges } = started(1);
    await heard();
    inner.held[0]?.answer(REQUEST);
    await exchanges[0];
    const others = [1, 2, 3, 4, 5, 6].map((id) => paced.exchange(id, REQUEST, OPTIONS));
    const again = paced.exchange(0, REQUEST, OPTIONS);
    await heard();
    expect(inner.ids()).toEqual([0, 0, 1, 2, 3, 4, 5]);
    const lost = new TransportError('ANDVARI_TIMEOUT', 0, 'no reply');
    inner.held[1]?.fail(lost);
    await expect(again).rejects.toBe(lost);
    const later = paced.exchange(0, REQUEST, OPTIONS);
    await heard();
    expect(inner.ids()).toEqual([0, 0, 1, 2, 3, 4, 5]);
    for (let index = 2; index < 9; index++) {
      inner.held[index]?.answer(REQUEST);
      await heard();
    }
    await Promise.all([...others, later]);
    expect(inner.ids()).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 0]);
  });

  it('does not let silent servers hold up the others, and counts the wait as theirs', async () => {
    const { inner, exchanges } = started(OPENING_MAX + 1);
    await heard();
    expect(inner.held).toHaveLength(OPENING_MAX);
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS + 50));
    expect(inner.held).toHaveLength(OPENING_MAX + 1);
    expect(inner.held.at(-1)?.options.timeoutMs).toBeLessThan(OPTIONS.timeoutMs - HOLD_MS + 20);
    for (const { answer } of inner.held) answer(REQUEST);
    await Promise.all(exchanges);
  });
});
