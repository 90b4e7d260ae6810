/** What the application is asked for may never come: nothing waits for it for ever. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { beforeAll, expect, it } from 'vitest';
import { ScriptedPlace, signerNamed } from '../../../../tests/ratatoskr/scripted-server.ts';
import type { ClientChannel } from './client-channel.ts';
import type { RatatoskrClientOptions } from './client-options.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const place = (options: Partial<RatatoskrClientOptions>) => new ScriptedPlace(module, options);
const never = <T>(): Promise<T> => new Promise(() => undefined);
const ended = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );

/** Tokens that a test gives, one for each time they are asked for. */
function tokens() {
  const asked: { give: (token: string) => void; signal: AbortSignal }[] = [];
  const authenticationToken = (signal: AbortSignal) =>
    new Promise<string>((give) => {
      asked.push({ give, signal });
    });
  return { asked, authenticationToken };
}

it('a token that does not come fails the try, which says so, and is asked for again', async () => {
  const { asked, authenticationToken } = tokens();
  const { client, clock, server } = place({ authenticationToken });
  const connecting = client.connect();
  await clock.pass(4_999);
  expect(client.status()).toMatchObject({ state: 'connecting', fault: undefined });
  await clock.pass(1);
  expect(client.status()).toMatchObject({
    ...{ state: 'waiting', failures: 1 },
    fault: {
      code: 'ANDVARI_TIMEOUT',
      outcome: 'not-executed',
      message: 'authenticationToken: it gave none within 5000 ms',
    },
  });
  expect(asked[0]!.signal.aborted).toBe(true);
  expect(server.peer.isOver).toBe(true);
  await clock.pass(2_000);
  // Too late for the first try, and nothing of it is sent over the second connection.
  asked[0]!.give('old');
  asked[1]!.give('new');
  await connecting;
  expect(server.arrived).toHaveLength(1);
  const { payload } = server.arrived[0]!.request;
  expect(server.codec.openConnectionRequest(payload)).toMatchObject({
    payload: { authenticationToken: 'new' },
  });
  expect(asked[1]!.signal.aborted).toBe(false);
});

it('with one try alone, connect() rejects with it', async () => {
  const { authenticationToken } = tokens();
  const { client, clock } = place({ authenticationToken, reconnect: false });
  const connecting = ended(client.connect());
  await clock.pass(5_000);
  expect(await connecting).toMatchObject({ error: { code: 'ANDVARI_TIMEOUT' } });
  expect(clock.pending).toBe(0);
});

it.each(['close', 'disconnect'] as const)('%s() does not wait for a token', async (end) => {
  const { asked, authenticationToken } = tokens();
  const { client, clock, server } = place({ authenticationToken });
  const connecting = ended(client.connect());
  await clock.settle();
  await client[end]();
  expect(await connecting).toMatchObject({ error: { code: 'ANDVARI_CLOSED' } });
  expect(asked[0]!.signal.aborted).toBe(true);
  asked[0]!.give('late');
  await clock.pass(60_000);
  expect([server.arrived.length, server.peer.isOver, clock.pending]).toEqual([0, true, 0]);
});

it('close() does not wait for a signer that never signs', async () => {
  const device = signerNamed('device');
  let isStuck = false;
  const sign = (message: Uint8Array) => (isStuck ? never<Uint8Array>() : device.sign(message));
  const { client, clock, server } = await place({
    signer: { publicKey: device.publicKey, sign },
  }).connected();
  isStuck = true;
  const closing = client.close();
  await clock.pass(5_000);
  await closing;
  expect([server.peer.isOver, clock.pending]).toEqual([true, 0]);
});

it('a transport that ignores its signal is left, and its late connection closed', async () => {
  let connected: (channel: ClientChannel) => void = () => undefined;
  const deaf = {
    name: 'webtransport' as const,
    connect: () => new Promise<ClientChannel>((r) => (connected = r)),
  };
  const scripted = place({});
  const client = scripted.anotherClient({
    transports: [deaf, scripted.server.transport('websocket')],
  });
  const connecting = client.connect();
  await scripted.clock.pass(5_000);
  await connecting;
  expect(client.status().transport).toBe('websocket');
  const closes: number[] = [];
  connected({ send: () => undefined, close: (code) => void closes.push(code) });
  await scripted.clock.settle();
  expect(closes).toEqual([1000]);
});
