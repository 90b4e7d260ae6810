/** The client over real sockets to the real server. */
import { afterEach, describe, expect, it } from 'vitest';
import { platformTransports } from '../../host-common/src/ratatoskr/client/platform-transports.ts';
import {
  RatatoskrClient,
  type RatatoskrClientOptions,
} from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import {
  type PlaceOptions,
  RatatoskrPlace,
} from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../../host-node/src/ratatoskr/testing/real-clock.ts';
import { signerOf } from '../../host-node/src/ratatoskr/testing/test-peer.ts';
import { bytes, idOf, text } from './scripted-server.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: PlaceOptions = {}): Promise<RatatoskrPlace> {
  const place = await RatatoskrPlace.start({
    clock: new RealClock(),
    refuseBeforeS: 0,
    ...options,
  });
  ends.push(() => place.close());
  return place;
}

async function clientOf(
  place: RatatoskrPlace,
  options: Partial<RatatoskrClientOptions> = {},
): Promise<RatatoskrClient> {
  const client = await RatatoskrClient.create({
    transports: platformTransports({ webSocketUrl: place.url }),
    signer: signerOf('device-1'),
    deviceId: 'device-1',
    userId: 'user-1',
    serverKey: place.server.publicKey as Uint8Array,
    ...options,
  });
  ends.push(() => client.close());
  return client;
}

describe('client and server', () => {
  it('open a session, talk in any order, say goodbye', async () => {
    const waiting: (() => void)[] = [];
    const place = await start({
      bus: {
        fallback: {
          name: 'slow',
          handle: ({ payload }) =>
            text(payload) === 'first'
              ? new Promise<Uint8Array>((resolve) => waiting.push(() => resolve(payload)))
              : payload,
        },
      },
    });
    const client = await clientOf(place, { signV2: true });
    const session = await client.connect();
    expect(session).toMatchObject({ serverVersion: '1.0', signed: true });
    const first = client.call(bytes('first'));
    expect(text((await client.call(bytes('second'))).payload)).toBe('second');
    waiting[0]?.();
    expect(text((await first).payload)).toBe('first');
    const large = await client.call(new Uint8Array(1_048_576).fill(3));
    expect(large.payload).toEqual(new Uint8Array(1_048_576).fill(3));
    await client.disconnect();
    expect(client.status()).toMatchObject({ state: 'offline', transport: undefined });
    await client.connect();
    expect(client.status().session?.sessionId).not.toBe(session.sessionId);
  });

  it.each<[string, Partial<RatatoskrClientOptions>]>([
    ['an unknown device', { deviceId: 'device-9' }],
    ['a device of another key', { deviceId: 'device-2' }],
    ["somebody else's user", { userId: 'user-9' }],
  ])('do not come together with %s', async (_, options) => {
    const client = await clientOf(await start(), options);
    await expect(client.connect()).rejects.toMatchObject({
      code: 'ANDVARI_REFUSED',
      serverCode: 'UNAUTHENTICATED',
      serverClass: 'SecurityError',
    });
    expect(client.status().state).toBe('failed');
  });

  it("do not come together when the key is another server's", async () => {
    const serverKey = signerOf('another server').publicKey;
    const client = await clientOf(await start(), { serverKey });
    await expect(client.connect()).rejects.toMatchObject({ code: 'ANDVARI_UNTRUSTED' });
  });

  it('a call that is repeated under its request_id runs once', async () => {
    let runs = 0;
    const place = await start({
      bus: { fallback: { name: 'count', handle: () => Uint8Array.of(++runs) } },
    });
    const client = await clientOf(place);
    await client.connect();
    const one = await client.call(bytes('x'), { requestId: idOf(1) });
    const again = await client.call(bytes('x'), { requestId: idOf(1) });
    expect([one.payload, again.payload, runs]).toEqual([Uint8Array.of(1), Uint8Array.of(1), 1]);
    expect(await client.call(bytes('y'), { requestId: idOf(1) }).catch((e) => e)).toMatchObject({
      serverCode: 'INVALID_REQUEST',
    });
  });
});
