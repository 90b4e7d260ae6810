/** Functions of the application that throw: they are told of, and the endpoint goes on. */
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bytesOf, EndpointWorld, next, pattern, pause, writeAll } from './endpoint-world.ts';
import { hostAt } from './memory-network.ts';

let world: EndpointWorld;
beforeEach(() => {
  world = new EndpointWorld(nodeX25519);
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await world.close();
});

function fail(what: string): never {
  throw new Error(what);
}

describe('an event of a session that throws', () => {
  it('is told, once for each call, and what comes behind it is taken', async () => {
    const errors: unknown[] = [];
    const [ours, theirs] = await world.pair({}, { threw: (error) => void errors.push(error) });
    theirs.events = {
      control: () => fail('control'),
      extension: () => fail('extension'),
      goAway: () => fail('goAway'),
    };
    const stream = await ours.openStream();
    ours.control(0x100, new Uint8Array(3));
    ours.extension(0x20, new Uint8Array(3));
    ours.goAway(1, 'bye');
    const writing = writeAll(stream, pattern(1000));
    expect(await bytesOf(await next(theirs.incoming))).toEqual(pattern(1000));
    await writing;
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    while (errors.length < 3) await pause(5);
    const texts = errors.map((error) => String(error)).sort();
    expect(texts).toEqual(['Error: control', 'Error: extension', 'Error: goAway']);
  });

  it('is told when it was asynchronous, and what it is rejected with', async () => {
    const errors: unknown[] = [];
    const [ours, theirs] = await world.pair({}, { threw: (error) => void errors.push(error) });
    const late = async (what: string) => {
      await pause(1);
      fail(what);
    };
    theirs.events = {
      control: () => late('control'),
      extension: () => late('extension'),
      goAway: () => late('goAway'),
      rekeyed: () => late('rekeyed'),
    };
    ours.control(0x100, new Uint8Array(3));
    ours.extension(0x20, new Uint8Array(3));
    ours.rekey();
    while (errors.length < 3) await pause(5);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    ours.goAway(1, 'bye'); // without streams the session soon ends by that
    while (errors.length < 4) await pause(5);
    const texts = errors.map((error) => String(error)).sort();
    expect(texts).toEqual(['control', 'extension', 'goAway', 'rekeyed'].map((x) => `Error: ${x}`));
  });

  it('and nobody to tell: it is thrown again, behind all that came', async () => {
    const tasks: (() => void)[] = [];
    const [ours, theirs] = await world.pair();
    let isTold = false;
    theirs.events = {
      control: () => {
        const real = queueMicrotask;
        vi.stubGlobal('queueMicrotask', (task: () => void) => {
          tasks.push(task);
          vi.stubGlobal('queueMicrotask', real);
        });
        isTold = true;
        fail('control');
      },
    };
    ours.control(0x100, new Uint8Array(3));
    while (!isTold) await pause(5);
    expect(await ours.ping()).toBeGreaterThanOrEqual(0);
    expect(tasks.length).toBe(1);
    expect(() => tasks[0]?.()).toThrow('control');
  });

  it('and one that does not throw tells nothing', async () => {
    const errors: unknown[] = [];
    const [ours, theirs] = await world.pair({}, { threw: (error) => void errors.push(error) });
    let controls = 0;
    theirs.events = { control: () => void controls++ };
    ours.control(0x100, new Uint8Array(3));
    while (controls === 0) await pause(5);
    await pause(20);
    // It may come twice, when a packet counted as lost that was late.
    expect(controls).toBeGreaterThanOrEqual(1);
    expect(errors).toEqual([]);
  });
});

describe('trust', () => {
  it('that answers later lets nobody in, and what it is rejected with is told', async () => {
    const errors: unknown[] = [];
    const answers = [() => Promise.resolve(true), () => Promise.reject(new Error('trust'))];
    const one = await world.endpoint(1);
    await world.endpoint(2, {
      threw: (error) => void errors.push(error),
      trust: () => answers.shift()?.() as unknown as boolean,
    });
    /** Calls until the other side has asked, and for a while behind that. */
    const call = async () => {
      const abort = new AbortController();
      const { length } = answers;
      const calling = one.connect(world.identity(2).peerId, hostAt(2), { signal: abort.signal });
      const ended = expect(calling).rejects.toThrow('no patience');
      while (answers.length === length) await pause(5);
      await pause(300);
      abort.abort(new Error('no patience'));
      await ended;
    };
    await call();
    expect([answers.length, errors]).toEqual([1, []]);
    await call();
    expect([answers.length, errors.map(String)]).toEqual([0, ['Error: trust']]);
  });

  it('that throws lets nobody in, is told once, and is asked again by the next call', async () => {
    const errors: unknown[] = [];
    let asked = 0;
    const one = await world.endpoint(1);
    await world.endpoint(2, {
      threw: (error) => void errors.push(error),
      trust: () => (asked++ === 0 ? fail('trust') : true),
    });
    const { peerId } = world.identity(2);
    const abort = new AbortController();
    const calling = one.connect(peerId, hostAt(2), { signal: abort.signal });
    calling.catch(() => {});
    while (errors.length === 0) await pause(5);
    await pause(300); // message 3 goes again
    abort.abort(new Error('no patience'));
    await expect(calling).rejects.toThrow('no patience');
    expect(errors.map((error) => String(error))).toEqual(['Error: trust']);
    expect(asked).toBe(1);
    const session = await one.connect(peerId, hostAt(2));
    expect(await session.ping()).toBeGreaterThanOrEqual(0);
    expect([asked, errors.length]).toEqual([2, 1]);
  });
});
