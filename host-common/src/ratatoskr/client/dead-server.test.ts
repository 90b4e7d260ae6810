/** How a client finds out that its server is dead, and that it is not. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Arrived, bytes, ScriptedPlace } from '../../../../tests/ratatoskr/scripted-server.ts';
import { plainEngine } from '../../engine/module.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const connected = () => new ScriptedPlace(module).connected();

describe('a dead server', () => {
  it('is found out by its silence, and left for another connection', async () => {
    const { client, server, clock } = await connected();
    await clock.pass(31_000);
    server.dead = true;
    await clock.pass(29_000);
    expect(server.peers).toHaveLength(1);
    await clock.pass(9_999);
    expect(client.status().state).toBe('online');
    await clock.pass(1);
    expect(client.status()).toMatchObject({
      state: 'waiting',
      fault: { code: 'ANDVARI_UNREACHABLE' },
    });
    server.dead = false;
    await clock.pass(1000);
    expect(client.status().state).toBe('online');
    expect(server.peers).toHaveLength(2);
  });

  it('is not one that answers, or pings', async () => {
    const { client, server, clock } = await connected();
    for (let i = 0; i < 20; i++) {
      await clock.pass(20_000);
      server.peer.ping();
    }
    expect(server.arrived.filter(({ request }) => request.messageType === 1)).toHaveLength(1);
    // Without pings it is asked, and answers.
    await clock.pass(600_000);
    expect(server.peers).toHaveLength(1);
    expect(client.status().state).toBe('online');
  });

  it('is asked after two seconds, shown after three and left after twelve', async () => {
    const { client, server, clock, events } = await connected();
    server.dead = true;
    const call = client.call(bytes('x'));
    await clock.pass(2_999);
    expect(client.status()).toMatchObject({ state: 'online', answering: true });
    await clock.pass(1);
    expect(client.status()).toMatchObject({ state: 'online', answering: false });
    expect(events).toContainEqual({ kind: 'answering', answering: false });
    await clock.pass(8_999);
    expect(client.status().state).toBe('online');
    await clock.pass(1);
    const fault = { code: 'ANDVARI_UNREACHABLE' };
    expect(client.status()).toMatchObject({ state: 'waiting', answering: true, fault });
    server.dead = false;
    await clock.pass(1_000);
    expect(client.status()).toMatchObject({ state: 'online', answering: true });
    expect(server.peers).toHaveLength(2);
    await call;
  });

  it('is not one with a slow service: it answers the questions, which become few', async () => {
    const { client, server, clock, events } = await connected();
    const held: Arrived[] = [];
    server.onBusiness = (arrived) => held.push(arrived);
    const call = client.call(bytes('x'), { timeoutMs: 100_000 });
    await clock.pass(90_000);
    const questions = server.arrived.filter(({ request }) => request.messageType === 1);
    expect(questions.length).toBe(1 + 6);
    const [slow] = held as [Arrived];
    await slow.peer.answer(slow);
    await call;
    expect([held.length, server.peers.length]).toEqual([1, 1]);
    expect(events.filter(({ kind }) => kind === 'answering')).toEqual([]);
  });

  it('that comes back in time keeps its connection', async () => {
    const { client, server, clock, events } = await connected();
    server.onBusiness = () => undefined;
    const asked: Arrived[] = [];
    server.onConnect = (arrived) => asked.push(arrived);
    const call = client.call(bytes('x'), { timeoutMs: 20_000 }).catch((error) => error);
    await clock.pass(8_000);
    expect(client.status().answering).toBe(false);
    await server.accept(asked[0] as Arrived);
    await clock.settle();
    expect(client.status()).toMatchObject({ state: 'online', answering: true });
    const told = events.flatMap((event) => (event.kind === 'answering' ? [event.answering] : []));
    expect([told, server.peers.length]).toEqual([[false, true], 1]);
    await client.close();
    expect(await call).toMatchObject({ code: 'ANDVARI_CLOSED' });
  });

  it('is not one that has no time for the question', async () => {
    const { client, server, clock } = await connected();
    const { session } = client.status();
    server.onBusiness = () => undefined;
    server.onConnect = (arrived) => arrived.peer.refuse(arrived, 'RATE_LIMITED');
    client.call(bytes('x'), { timeoutMs: 20_000 }).catch(() => undefined);
    await clock.pass(2_500);
    expect(server.arrived.at(-1)?.request.messageType).toBe(1);
    expect(client.status()).toMatchObject({ state: 'online', answering: true, session });
    // But one that wants the device no more is left.
    server.onConnect = (arrived) => arrived.peer.refuse(arrived, 'UNAUTHENTICATED');
    await clock.pass(10_000);
    expect(client.status().state).toBe('failed');
  });

  it('is not told from a slow line while a long message is on it', async () => {
    const { client, server, clock } = await connected();
    server.onBusiness = () => undefined;
    client.call(new Uint8Array(1_048_576), { timeoutMs: 60_000 }).catch(() => undefined);
    await clock.pass(33_999);
    expect(server.arrived.filter(({ request }) => request.messageType === 1)).toHaveLength(1);
    await clock.pass(2_000);
    expect(server.arrived.filter(({ request }) => request.messageType === 1)).toHaveLength(2);
    await client.close();
  });

  it('is suspected when a call is not answered', async () => {
    const { client, server, clock } = await connected();
    server.dead = true;
    const end = client.call(bytes('x'), { timeoutMs: 12_000 }).catch((error) => error);
    await clock.pass(12_000);
    expect(await end).toMatchObject({ code: 'ANDVARI_TIMEOUT', outcome: 'unknown' });
    await clock.pass(10_000);
    expect(client.status().state).not.toBe('online');
    await client.close();
  });
});
