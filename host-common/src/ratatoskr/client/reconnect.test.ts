/** When the client tries again, and what it says meanwhile (reference: section 4). */
import { plainEngine } from '@andvari/host-common/engine/module';
import { beforeAll, describe, expect, it } from 'vitest';
import { bytes, ScriptedPlace } from '../../../../tests/ratatoskr/scripted-server.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const connected = () => new ScriptedPlace(module).connected();

/** What was told of it, in order. */
const told = ({ events }: ScriptedPlace) =>
  events.flatMap((event) => (event.kind === 'unreachable' ? [event.unreachable] : []));

/** Lets so many tries fail; the waits after each. */
async function waits({ client, clock }: ScriptedPlace, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const { state, retryInMs = 0 } = client.status();
    expect(state).toBe('waiting');
    all.push(retryInMs);
    await clock.pass(retryInMs);
  }
  return all;
}

function expectAbout(waitsMs: number[], wholeMs: number[]): void {
  expect(waitsMs).toHaveLength(wholeMs.length);
  for (const [index, waitMs] of waitsMs.entries()) {
    const whole = wholeMs[index] as number;
    expect(waitMs).toBeGreaterThanOrEqual(whole / 2);
    expect(waitMs).toBeLessThanOrEqual(whole);
  }
}

const SERIES = [1000, 2000, 4000, 8000];

describe('a server that is away', () => {
  it('is told after five tries, and tried on at the longest wait', async () => {
    const placed = new ScriptedPlace(module);
    const { client, server, clock } = placed;
    server.reachable = [];
    const connecting = client.connect();
    await clock.settle();
    expectAbout(await waits(placed, 3), SERIES.slice(0, 3));
    expect(client.status()).toMatchObject({ failures: 4, unreachable: false });
    expect(told(placed)).toEqual([]);
    expectAbout(await waits(placed, 1), SERIES.slice(3));
    expect(client.status()).toMatchObject({ state: 'waiting', failures: 5, unreachable: true });
    expect(told(placed)).toEqual([true]);
    expectAbout(await waits(placed, 20), new Array(20).fill(30_000));
    expect(client.status()).toMatchObject({ failures: 25, unreachable: true });
    expect(told(placed)).toEqual([true]);
    server.reachable = ['websocket'];
    await waits(placed, 1);
    await connecting;
    expect(client.status()).toMatchObject({ state: 'online', failures: 0, unreachable: false });
    expect(told(placed)).toEqual([true, false]);
  });

  it('is tried five times more when the user asks', async () => {
    const placed = new ScriptedPlace(module);
    const { client, server, clock } = placed;
    server.reachable = [];
    client.connect().catch(() => undefined);
    await clock.settle();
    await waits(placed, 6);
    client.reconnectNow();
    expect(client.status()).toMatchObject({ state: 'connecting', unreachable: false });
    await clock.settle();
    expectAbout(await waits(placed, 5), [...SERIES, 30_000]);
    expect(told(placed)).toEqual([true, false, true]);
    await client.disconnect();
    expect(client.status()).toMatchObject({ failures: 0, unreachable: false });
    expect(told(placed)).toEqual([true, false, true, false]);
    expect(clock.pending).toBe(0);
  });

  it('that was there counts from its end', async () => {
    const placed = await connected();
    const { client, server, clock } = placed;
    await clock.pass(10_000);
    server.reachable = [];
    server.peer.cut();
    await clock.settle();
    expect(client.status()).toMatchObject({ state: 'waiting', failures: 0 });
    // The wait after the cut is the first, so that of the fifth try is the longest.
    expectAbout(await waits(placed, 6), [...SERIES, 16_000, 30_000]);
    expect(told(placed)).toEqual([true]);
  });
});

describe('a server that is killed again and again', () => {
  it('is back after the shortest wait when it has answered a call each time', async () => {
    const placed = await connected();
    const { client, server, clock } = placed;
    for (let kill = 0; kill < 20; kill++) {
      await client.call(bytes('x'));
      await clock.pass(700);
      server.peer.cut();
      await clock.settle();
      const { retryInMs = 0 } = client.status();
      expect(retryInMs).toBeLessThanOrEqual(1000);
      await clock.pass(retryInMs);
      expect(client.status().state).toBe('online');
    }
  });

  it.each([
    ['answers nothing', false],
    ['refuses every call', true],
  ])('is asked less and less when it %s', async (_, refuses) => {
    const placed = await connected();
    const { client, server, clock } = placed;
    server.onBusiness = ({ peer, ...arrived }) =>
      refuses ? peer.refuse(arrived, 'SERVICE_ERROR') : undefined;
    let last = 0;
    for (let kill = 0; kill < 8; kill++) {
      client.call(bytes('x')).catch(() => undefined);
      await clock.pass(700);
      server.peer.cut();
      await clock.settle();
      last = client.status().retryInMs ?? 0;
      await clock.pass(last);
    }
    expect(last).toBeGreaterThanOrEqual(15_000);
    // It is reached, though: nothing else is said.
    expect(client.status()).toMatchObject({ state: 'online', failures: 0 });
    expect(told(placed)).toEqual([]);
    await client.close();
  });
});
