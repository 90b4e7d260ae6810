/** How a client comes by its connection, keeps it and loses it; through RatatoskrClient. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Arrived, bytes, ScriptedPlace } from '../../../../tests/ratatoskr/scripted-server.ts';
import { plainEngine } from '../../engine/module.ts';
import type { RatatoskrClientOptions } from './client-options.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const place = (options: Partial<RatatoskrClientOptions> = {}) => new ScriptedPlace(module, options);
const connected = (options: Partial<RatatoskrClientOptions> = {}) => place(options).connected();

describe('connecting', () => {
  it('asks for a session with what the options say', async () => {
    const { client, server, clock, events } = await connected({
      deviceIdentity: 'my laptop',
      authenticationToken: async () => 'let me in',
    });
    const [{ request }] = server.arrived as [Arrived];
    expect(request.messageType).toBe(1);
    expect(server.codec.openConnectionRequest(request.payload)).toMatchObject({
      payload: { deviceIdentity: 'my laptop', authenticationToken: 'let me in', version: '1.0' },
    });
    const session = client.status().session;
    expect(session).toEqual({
      sessionId: 'session-1',
      expiresMs: (clock.unixS() + 86_400) * 1000,
      serverVersion: '1.0',
      signed: true,
    });
    expect(await client.connect()).toBe(session);
    expect(events.map(({ kind }) => kind)).toEqual([
      'state',
      'roundTrip',
      'transport',
      'session',
      'state',
    ]);
  });

  it('prefers WebTransport, falls back at once, and remembers what did not work', async () => {
    const { client, server, clock } = await connected();
    expect(client.status().transport).toBe('webtransport');
    server.reachable = ['websocket'];
    server.peer.cut();
    await clock.pass(1000);
    expect(client.status()).toMatchObject({ state: 'online', transport: 'websocket' });
    // Both would do now, and WebTransport only after a while again.
    server.reachable = ['webtransport', 'websocket'];
    await clock.pass(200_000);
    server.peer.cut();
    await clock.pass(1000);
    expect(client.status().transport).toBe('websocket');
    await clock.pass(100_000);
    server.peer.cut();
    await clock.pass(1000);
    expect(client.status().transport).toBe('webtransport');
  });

  it('gives up on a transport that hangs after five seconds', async () => {
    const reasons: unknown[] = [];
    const server = place();
    const { clock } = server;
    const client = server.anotherClient({
      transports: [
        {
          name: 'webtransport',
          connect: (_, signal) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => {
                reasons.push(signal.reason);
                reject(signal.reason);
              });
            }),
        },
        server.server.transport('websocket'),
      ],
    });
    const connecting = client.connect();
    await clock.pass(4999);
    expect(client.status()).toMatchObject({ state: 'connecting', transport: undefined });
    await clock.pass(1);
    await connecting;
    expect(client.status().transport).toBe('websocket');
    expect(reasons).toHaveLength(1);
  });

  it('tries again without end, at most 30 s apart, with jitter', async () => {
    const { client, server, clock } = place();
    server.reachable = [];
    const connecting = client.connect();
    connecting.catch(() => undefined);
    await clock.settle();
    const waits: number[] = [];
    for (let i = 0; i < 40; i++) {
      const { state, retryInMs = 0, failures, fault } = client.status();
      expect({ state, failures, code: fault?.code }).toEqual({
        state: 'waiting',
        failures: i + 1,
        code: 'ANDVARI_UNREACHABLE',
      });
      waits.push(retryInMs);
      await clock.pass(retryInMs);
    }
    for (const [index, waitMs] of waits.entries()) {
      // After five that have failed the user knows, and the wait is the longest.
      const wholeMs = index < 4 ? 1000 * 2 ** index : 30_000;
      expect(waitMs).toBeGreaterThanOrEqual(wholeMs / 2);
      expect(waitMs).toBeLessThanOrEqual(wholeMs);
    }
    expect(new Set(waits.slice(5)).size).toBeGreaterThan(30);
    server.reachable = ['websocket'];
    client.reconnectNow();
    await clock.settle();
    expect((await connecting).sessionId).toBe('session-1');
    expect(clock.pending).toBe(2);
  });

  it('stops when the user does not want it any more', async () => {
    const { client, server, clock } = place();
    server.reachable = [];
    const connecting = client.connect();
    await clock.settle();
    const left = client.disconnect();
    await expect(connecting).rejects.toMatchObject({ code: 'ANDVARI_CLOSED' });
    await left;
    expect(clock.pending).toBe(0);
    server.reachable = ['websocket'];
    await clock.pass(100_000);
    expect(server.peers).toHaveLength(0);
    expect(client.status().state).toBe('offline');
    const stop = new AbortController();
    server.reachable = [];
    const another = client.connect({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(another).rejects.toThrow('enough');
    // The waiting alone: the client still wants a connection.
    server.reachable = ['websocket'];
    await clock.pass(1000);
    expect(client.status().state).toBe('online');
  });

  it.each(['CONNECTION_REJECTED', 'UNAUTHENTICATED'])('ends at %s', async (code) => {
    const { client, server, clock } = place();
    server.onConnect = async (arrived) => {
      const type = code === 'CONNECTION_REJECTED' ? 2 : 6;
      await server.accept(arrived, { messageType: type, success: false, errorCode: code });
      // The end is there before the answer can have been verified.
      arrived.peer.cut(1008, 'go away');
    };
    await expect(client.connect()).rejects.toMatchObject({
      code: 'ANDVARI_REFUSED',
      serverCode: code,
    });
    expect(client.status()).toMatchObject({ state: 'failed', fault: { serverCode: code } });
    expect(clock.pending).toBe(0);
    await expect(client.call(bytes('x'))).rejects.toMatchObject({ serverCode: code });
    // Registered meanwhile.
    server.onConnect = (arrived) => server.accept(arrived);
    await client.connect();
    expect(client.status()).toMatchObject({ state: 'online', fault: undefined });
  });

  it.each(['RATE_LIMITED', 'TIMESTAMP_INVALID'])('goes on after %s', async (code) => {
    const { client, server, clock } = place();
    server.onConnect = (arrived) => arrived.peer.refuse(arrived, code);
    const connecting = client.connect();
    await clock.settle();
    expect(client.status()).toMatchObject({ state: 'waiting', fault: { serverCode: code } });
    server.onConnect = (arrived) => server.accept(arrived);
    await clock.pass(1000);
    await connecting;
  });

  it.each(['2.0', '', '1.x', '10'])('refuses a server of version %j', async (serverVersion) => {
    const { client, server, clock } = place({ reconnect: false });
    server.onConnect = (arrived) => {
      const payload = server.codec.encodeConnectionResponse({
        accepted: true,
        sessionId: 's',
        expiresAt: BigInt(clock.unixS() + 100),
        serverVersion,
      });
      return server.accept(arrived, { payload });
    };
    const end = client.connect().catch((error) => error);
    await clock.pass(1000);
    expect(await end).toMatchObject({ code: 'ANDVARI_BAD_REPLY' });
  });

  it('takes no answer but a connection response for one', async () => {
    const { client, server, clock } = place({ reconnect: false });
    server.onConnect = (arrived) => server.accept(arrived, { messageType: 3 });
    const end = client.connect().catch((error) => error);
    await clock.pass(1000);
    expect(await end).toMatchObject({ code: 'ANDVARI_BAD_REPLY' });
    expect(client.status().state).toBe('failed');
  });

  it('gives up on a server that does not answer', async () => {
    const { client, server, clock } = place({ reconnect: false });
    server.dead = true;
    const connecting = client.connect();
    const end = connecting.catch((error) => error);
    // By each transport, with a wait between them.
    await clock.pass(21_000);
    expect(await end).toMatchObject({ code: 'ANDVARI_UNREACHABLE' });
    expect(client.status().state).toBe('failed');
    expect(server.peers.map(({ transport }) => transport)).toEqual(['webtransport', 'websocket']);
  });
});

describe('a wrong clock', () => {
  /** A server that refuses what is dated in its future, or more than 300 s ago. */
  function strict({ server }: ScriptedPlace): (arrived: Arrived) => unknown {
    return (arrived) => {
      const ageS = server.unixS() - Number(arrived.request.timestamp);
      if (ageS < 0 || ageS > 300) return arrived.peer.refuse(arrived, 'TIMESTAMP_INVALID');
      return arrived.request.messageType === 1
        ? server.accept(arrived)
        : arrived.peer.answer(arrived);
    };
  }

  it.each([-3600, -1, 301, 5000])('is learnt from the server: %i s behind it', async (aheadS) => {
    const placed = place();
    const { client, server, clock } = placed;
    server.aheadS = aheadS;
    server.onConnect = strict(placed);
    server.onBusiness = strict(placed);
    const connecting = client.connect();
    await clock.pass(1000);
    await connecting;
    await client.call(bytes('x'));
    // It changes in the middle of the session, too.
    server.aheadS = -aheadS;
    const call = client.call(bytes('y'));
    await clock.pass(2000);
    await call;
    expect(client.status().state).toBe('online');
  });

  it('is not learnt from whoever has not signed', async () => {
    const placed = place({ requireSignedResponses: false, serverKey: undefined });
    const { client, server, clock } = placed;
    server.aheadS = -3600;
    server.onConnect = strict(placed);
    client.connect().catch(() => undefined);
    await clock.pass(120_000);
    expect(client.status()).toMatchObject({ fault: { serverCode: 'TIMESTAMP_INVALID' } });
    const dates = server.arrived.map(({ request }) => request.timestamp);
    expect(Math.max(...dates.map(Number))).toBeGreaterThan(clock.unixS() - 60);
    await client.close();
  });
});

describe('a session', () => {
  it('is kept by a heartbeat every 30 s', async () => {
    const { client, server, clock } = await connected();
    await clock.pass(29_999);
    expect(server.arrived).toHaveLength(1);
    expect(client.status().heartbeatAgoMs).toBeUndefined();
    await clock.pass(1);
    expect(client.status().heartbeatAgoMs).toBe(0);
    expect(server.arrived[1]?.request).toMatchObject({ messageType: 4, payload: new Uint8Array() });
    await clock.pass(30_000);
    expect(server.arrived).toHaveLength(3);
  });

  it('is asked for anew before it ends, on the same connection', async () => {
    const { client, server, clock } = place();
    server.sessionS = 600;
    await Promise.all([client.connect(), clock.settle()]);
    const first = client.status().session?.sessionId;
    // Pings, so that silence is no reason to ask.
    for (let s = 0; s < 539; s++) {
      server.peer.ping();
      await clock.pass(1000);
    }
    expect(client.status().session?.sessionId).toBe(first);
    await clock.pass(1000);
    expect(client.status().session?.sessionId).not.toBe(first);
    expect(server.peers).toHaveLength(1);
  });

  it.each(['SESSION_EXPIRED', 'NO_SESSION'])('is asked for anew at %s', async (code) => {
    const placed = await connected();
    const { client, server, clock } = placed;
    const refused: Arrived[] = [];
    server.onBusiness = (arrived) => {
      if (refused.length === 0) {
        refused.push(arrived);
        return arrived.peer.refuse(arrived, code);
      }
      return arrived.peer.answer(arrived);
    };
    await client.call(bytes('x'));
    const [before, again] = server.business as [Arrived, Arrived];
    expect(again.request.requestId).toBe(before.request.requestId);
    expect(again.request.nonce).not.toEqual(before.request.nonce);
    expect(server.peers).toHaveLength(1);
    expect(placed.states()).toEqual(['connecting', 'online', 'connecting', 'online']);
    // A heartbeat learns of it as well.
    server.onOther = (arrived) => arrived.peer.refuse(arrived, code);
    const connects = () => server.arrived.filter(({ request }) => request.messageType === 1).length;
    expect(connects()).toBe(2);
    await clock.pass(30_000);
    expect(connects()).toBe(3);
  });

  it('a server that always says so does not keep a call for ever', async () => {
    const { client, server } = await connected();
    server.onBusiness = (arrived) => arrived.peer.refuse(arrived, 'NO_SESSION');
    await expect(client.call(bytes('x'))).rejects.toMatchObject({
      serverCode: 'NO_SESSION',
      outcome: 'not-executed',
    });
    expect(server.business).toHaveLength(9);
  });

  it('that ends at once is not asked for without end', async () => {
    const { client, server, clock } = place();
    server.sessionS = -10;
    await Promise.all([client.connect(), clock.settle()]);
    await clock.pass(60_000);
    expect(server.arrived.length).toBeLessThan(20);
    await client.close();
  });

  it('is said goodbye to', async () => {
    const placed = await connected();
    const { client, server, clock } = placed;
    await client.disconnect();
    expect(server.arrived[1]?.request.messageType).toBe(5);
    expect(server.peer).toMatchObject({ isOver: true, closeCode: 1000 });
    expect(clock.pending).toBe(0);
    expect(placed.states()).toEqual(['connecting', 'online', 'offline']);
    await client.connect();
    await client.close();
    expect(client.status().state).toBe('closed');
    await expect(client.connect()).rejects.toMatchObject({ code: 'ANDVARI_CLOSED' });
    await expect(client.call(bytes('x'))).rejects.toMatchObject({ code: 'ANDVARI_CLOSED' });
    expect(clock.pending).toBe(0);
  });
});
