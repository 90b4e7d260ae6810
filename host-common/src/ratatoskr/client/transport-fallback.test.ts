/** A transport that connects and then carries nothing, or nothing but small messages. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Arrived,
  bytes,
  ScriptedPlace,
  signerNamed,
} from '../../../../tests/ratatoskr/scripted-server.ts';
import { plainEngine } from '../../engine/module.ts';
import type { ClientTransport } from './client-channel.ts';
import type { RatatoskrClientOptions } from './client-options.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

type Deed = (arrived: Arrived, placed: ScriptedPlace) => unknown;

const WHOLE_MS = 300_000;
const LARGE_BYTES = 1_200;

const isFirst = ({ peer }: Arrived) => peer.transport === 'webtransport';
const onBoth = () => true;
const silent: Deed = () => undefined;
const cut: Deed = ({ peer }) => peer.cut();
const untrusted: Deed = async (arrived, { server, clock }) => {
  const payload = server.codec.encodeConnectionResponse({
    ...{ accepted: true, sessionId: 's', serverVersion: '1.0' },
    expiresAt: BigInt(clock.unixS() + 100),
  });
  const said = { requestId: arrived.request.requestId, messageType: 2, payload };
  const other = signerNamed('another server');
  arrived.peer.deliver(await server.sealed(said, arrived.digest, other));
};

/** A place whose WebTransport does this to connection requests. */
function place(deed: Deed, options: Partial<RatatoskrClientOptions> = {}, where = isFirst) {
  const placed = new ScriptedPlace(module, options);
  const { server } = placed;
  server.onConnect = (arrived) => (where(arrived) ? deed(arrived, placed) : server.accept(arrived));
  return placed;
}

/** The transports of all links so far. */
const tried = ({ server }: ScriptedPlace) => server.peers.map(({ transport }) => transport);
const shown = ({ events }: ScriptedPlace) =>
  events.flatMap((event) => (event.kind === 'transport' ? [event.transport] : []));

async function cutAndConnect({ server, clock }: ScriptedPlace): Promise<void> {
  server.peer.cut();
  await clock.pass(1000);
}

describe('a first transport that brings no session', () => {
  it.each<[string, Deed]>([
    ['is cut', cut],
    ['is silent', silent],
    ['says what is no message', ({ peer }) => peer.deliver(bytes('HTTP/1.1 200 OK'))],
    ['answers something else', (it, { server }) => server.accept(it, { messageType: 3 })],
  ])('is followed by the next, and left alone for a while: %s', async (_, deed) => {
    const placed = place(deed);
    const { client, server, clock } = placed;
    const connecting = client.connect();
    await clock.pass(11_000);
    await connecting;
    expect(client.status()).toMatchObject({ state: 'online', transport: 'websocket' });
    expect(tried(placed)).toEqual(['webtransport', 'websocket']);
    expect(shown(placed).filter((name) => name !== undefined)).toEqual(['websocket']);
    // It would do now, and is not asked before its time.
    server.onConnect = (arrived) => server.accept(arrived);
    await clock.pass(WHOLE_MS - 15_000);
    await cutAndConnect(placed);
    expect(client.status().transport).toBe('websocket');
    await clock.pass(15_000);
    await cutAndConnect(placed);
    expect(client.status().transport).toBe('webtransport');
    await client.close();
  });

  it('is one that is cut before it was asked, too', async () => {
    const token = Promise.withResolvers<string>();
    const placed = new ScriptedPlace(module, { authenticationToken: () => token.promise });
    const { client, server, clock } = placed;
    const connecting = client.connect();
    await clock.settle();
    server.peer.cut();
    token.resolve('');
    await clock.pass(1000);
    await connecting;
    expect(client.status().transport).toBe('websocket');
  });

  it('is tried in turn with the next when that brings none either', async () => {
    const placed = place(silent, {}, onBoth);
    const { client, clock } = placed;
    client.connect().catch(() => undefined);
    await clock.pass(70_000);
    const turn = ['webtransport', 'websocket'];
    expect(tried(placed).slice(0, 4)).toEqual([...turn, ...turn]);
    await client.close();
  });

  it('is asked again where it is the only one', async () => {
    const placed = place(silent);
    const transports = [placed.server.transport('webtransport')];
    const client = placed.anotherClient({ transports });
    client.connect().catch(() => undefined);
    await placed.clock.pass(11_000);
    expect(tried(placed)).toEqual(['webtransport', 'webtransport']);
    await client.close();
  });

  it.each(['CONNECTION_REJECTED', 'UNAUTHENTICATED'])('ends all with %s', async (code) => {
    const placed = place((arrived) => arrived.peer.refuse(arrived, code));
    const { client, clock } = placed;
    await expect(client.connect()).rejects.toMatchObject({ serverCode: code });
    await clock.pass(60_000);
    expect(tried(placed)).toEqual(['webtransport']);
  });

  it('ends all when another key has signed its answer', async () => {
    const placed = place(untrusted);
    const { client, clock } = placed;
    await expect(client.connect()).rejects.toMatchObject({ code: 'ANDVARI_UNTRUSTED' });
    await clock.pass(60_000);
    expect(tried(placed)).toEqual(['webtransport']);
  });

  it.each(['RATE_LIMITED', 'TIMESTAMP_INVALID'])('stays the first after %s', async (code) => {
    const placed = place((arrived) => arrived.peer.refuse(arrived, code));
    const { client, clock } = placed;
    client.connect().catch(() => undefined);
    await clock.pass(1000);
    expect(tried(placed)).toEqual(['webtransport', 'webtransport']);
    await client.close();
  });

  it.each<[string, () => Promise<string>]>([
    ['throws', () => Promise.reject(new Error('locked'))],
    ['hangs', () => new Promise(() => undefined)],
  ])('stays the first when the application gave no token: it %s', async (_, first) => {
    let asked = 0;
    const authenticationToken = () => (asked++ === 0 ? first() : Promise.resolve(''));
    const placed = new ScriptedPlace(module, { authenticationToken });
    const connecting = placed.client.connect();
    await placed.clock.pass(6_000);
    await connecting;
    expect(tried(placed)).toEqual(['webtransport', 'webtransport']);
  });
});

/** WebTransport over a path that loses large packets, and what is behind them in the stream. */
async function narrow(options: Partial<RatatoskrClientOptions> = {}): Promise<ScriptedPlace> {
  const placed = new ScriptedPlace(module, options);
  const { server } = placed;
  const stuck = new Set<unknown>();
  server.onConnect = (arrived) => !stuck.has(arrived.peer) && server.accept(arrived);
  server.onBusiness = (arrived) => {
    const { peer, request } = arrived;
    if (isFirst(arrived) && request.payload.length > LARGE_BYTES) stuck.add(peer);
    if (!stuck.has(peer)) return peer.answer(arrived, { payload: request.payload });
    // It has not come.
    server.arrived.splice(server.arrived.indexOf(arrived), 1);
    return undefined;
  };
  return placed.connected();
}

describe('a first transport with a session that loses calls', () => {
  const large = new Uint8Array(6_000).fill(7);

  it('is followed by the next, by which they go under their request_ids', async () => {
    const placed = await narrow();
    const { client, server, clock } = placed;
    const call = client.call(large);
    await clock.pass(13_000);
    const { requestId, payload } = await call;
    expect(payload).toEqual(large);
    expect(server.business.map(({ request }) => request.requestId)).toEqual([requestId]);
    expect(client.status().transport).toBe('websocket');
    expect(shown(placed)).toEqual(['webtransport', undefined, 'websocket']);
    await clock.pass(WHOLE_MS);
    await cutAndConnect(placed);
    expect(client.status().transport).toBe('webtransport');
    await client.close();
  });

  it('also after it has answered small ones', async () => {
    const { client, clock } = await narrow();
    await client.call(bytes('small'));
    const call = client.call(large);
    await clock.pass(13_000);
    await call;
    expect(client.status().transport).toBe('websocket');
    await client.close();
  });

  it('also when nobody waits for them any more', async () => {
    const { client, clock } = await narrow();
    const call = client.call(large, { timeoutMs: 5_000 }).catch((error) => error);
    await clock.pass(13_000);
    expect(await call).toMatchObject({ code: 'ANDVARI_TIMEOUT', outcome: 'unknown' });
    expect(client.status()).toMatchObject({ state: 'online', transport: 'websocket' });
    await client.close();
  });

  it('also when they were given up behind the answers to others', async () => {
    const { client, clock } = await narrow();
    await client.call(bytes('small'));
    client.call(large, { timeoutMs: 5_000 }).catch(() => undefined);
    await clock.pass(13_000);
    expect(client.status()).toMatchObject({ state: 'online', transport: 'websocket' });
    await client.close();
  });

  it('stays the first when answers come to calls that were given up', async () => {
    const placed = await new ScriptedPlace(module).connected();
    const { client, server, clock } = placed;
    const held: Arrived[] = [];
    server.onBusiness = (arrived) => held.push(arrived);
    const call = client.call(bytes('x'), { timeoutMs: 1_000 }).catch((error) => error);
    await clock.pass(1_500);
    expect(await call).toMatchObject({ code: 'ANDVARI_TIMEOUT' });
    const [late] = held as [Arrived];
    await late.peer.answer(late);
    await clock.settle();
    await cutAndConnect(placed);
    expect(client.status()).toMatchObject({ state: 'online', transport: 'webtransport' });
    await client.close();
  });

  it('also when it is cut', async () => {
    const placed = await narrow();
    const { client, clock } = placed;
    const call = client.call(large);
    await clock.settle();
    await cutAndConnect(placed);
    await call;
    expect(client.status().transport).toBe('websocket');
    await client.close();
  });

  it('stays the first when it is cut after an answer', async () => {
    const placed = await new ScriptedPlace(module).connected();
    const { client, server, clock } = placed;
    await client.call(bytes('x'));
    server.onBusiness = () => undefined;
    client.call(bytes('y')).catch(() => undefined);
    await clock.settle();
    await cutAndConnect(placed);
    expect(client.status().transport).toBe('webtransport');
    await client.close();
  });

  it.each(['without a call', 'after the answers to all calls'])(
    'stays the first when it falls silent %s',
    async (when) => {
      const placed = await new ScriptedPlace(module).connected();
      const { client, server, clock } = placed;
      if (when !== 'without a call') await client.call(bytes('x'));
      server.dead = true;
      await clock.pass(70_000);
      expect(client.status().state).toBe('waiting');
      server.dead = false;
      await clock.pass(1_000);
      expect(client.status().state).toBe('online');
      expect(tried(placed)).toEqual(['webtransport', 'webtransport']);
      await client.close();
    },
  );

  it('stays the first when a refusal was the answer', async () => {
    const placed = await new ScriptedPlace(module).connected();
    const { client, server } = placed;
    server.onBusiness = (arrived) => arrived.peer.refuse(arrived, 'SERVICE_ERROR');
    await expect(client.call(bytes('x'))).rejects.toMatchObject({ serverCode: 'SERVICE_ERROR' });
    await cutAndConnect(placed);
    expect(client.status().transport).toBe('webtransport');
    await client.close();
  });
});

describe('a client that does not connect again', () => {
  const once = { reconnect: false };

  it('takes the next transport for a session', async () => {
    const placed = place(silent, once);
    const { client, clock } = placed;
    const connecting = client.connect();
    await clock.pass(11_000);
    await connecting;
    expect(client.status()).toMatchObject({ state: 'online', transport: 'websocket' });
  });

  it('takes it for a call that the first has lost', async () => {
    const { client, server, clock } = await narrow(once);
    const call = client.call(new Uint8Array(6_000));
    await clock.pass(13_000);
    expect((await call).payload).toHaveLength(6_000);
    // That one has carried something: its end is the end.
    server.peer.cut();
    await clock.settle();
    expect(client.status().state).toBe('failed');
  });

  it('ends when no transport brings a session', async () => {
    const placed = place(silent, once, onBoth);
    const { client, clock } = placed;
    const end = client.connect().catch((error) => error);
    await clock.pass(60_000);
    expect(await end).toMatchObject({ code: 'ANDVARI_UNREACHABLE' });
    expect(tried(placed)).toEqual(['webtransport', 'websocket']);
    expect(clock.pending).toBe(0);
  });
});

describe('fallbackAfterMs', () => {
  it('bounds the silence of a transport while there is another', async () => {
    const placed = place(silent, { fallbackAfterMs: 2_000 });
    const { client, clock } = placed;
    const connecting = client.connect();
    await clock.pass(1_999);
    expect(client.status().state).toBe('connecting');
    await clock.pass(1_001);
    await connecting;
    expect(client.status().transport).toBe('websocket');
  });

  it('and the time in which it connects', async () => {
    const placed = new ScriptedPlace(module);
    const { server, clock } = placed;
    const hangs: ClientTransport = { name: 'webtransport', connect: () => new Promise(() => {}) };
    const transports = [hangs, server.transport('websocket')];
    const client = placed.anotherClient({ transports, fallbackAfterMs: 2_000 });
    const connecting = client.connect();
    await clock.pass(2_000);
    await connecting;
    expect(client.status().transport).toBe('websocket');
  });

  it('leaves the last transport all its time', async () => {
    const placed = place(silent, { fallbackAfterMs: 2_000 });
    const { client, server, clock } = placed;
    server.onConnect = (arrived) =>
      !isFirst(arrived) && clock.after(9_000, () => void server.accept(arrived));
    const connecting = client.connect();
    await clock.pass(12_000);
    await connecting;
    expect(client.status().transport).toBe('websocket');
  });
});
