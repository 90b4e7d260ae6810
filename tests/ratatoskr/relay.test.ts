/**
 * Between the real client and the real server, a relay that sends messages twice, in another order,
 * or one copy damaged: nothing runs twice, and what the client says of it is true.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { platformTransports } from '../../host-common/src/ratatoskr/client/platform-transports.ts';
import { RatatoskrClient } from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import type { RatatoskrRequest } from '../../host-common/src/ratatoskr/messages.ts';
import {
  type PlaceOptions,
  RatatoskrPlace,
} from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../../host-node/src/ratatoskr/testing/real-clock.ts';
import { signerOf } from '../../host-node/src/ratatoskr/testing/test-peer.ts';
import { asIs, changed, codec, relayTo } from './relay.ts';
import { bytes, idOf, text } from './scripted-server.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A service that counts, and takes long enough for the refusal of a copy to come first. */
async function start(options: PlaceOptions = {}) {
  const runs: string[] = [];
  const handle = async ({ payload }: { payload: Uint8Array }) => {
    runs.push(text(payload));
    await new Promise((resolve) => setTimeout(resolve, 50));
    return bytes(`paid ${text(payload)}`);
  };
  const place = await RatatoskrPlace.start({
    ...{ clock: new RealClock(), refuseBeforeS: 0 },
    bus: { fallback: { name: 'payments', handle } },
    ...options,
  });
  ends.push(() => place.close());
  const relay = await relayTo(place.url, ends);
  const client = await RatatoskrClient.create({
    transports: platformTransports({ webSocketUrl: relay.url }),
    signer: signerOf('device-1'),
    deviceId: 'device-1',
    userId: 'user-1',
    serverKey: place.server.publicKey as Uint8Array,
  });
  ends.push(() => client.close());
  await client.connect();
  const outcome = (words: string, requestId: string = crypto.randomUUID()) =>
    client.call(bytes(words), { requestId, timeoutMs: 5_000 }).then(
      ({ payload }) => text(payload),
      (error) => `${error.code} ${error.outcome}`,
    );
  return { relay, runs, outcome };
}

const damages: Record<string, (message: Uint8Array) => Uint8Array> = {
  'its signature': (message) =>
    changed(message, ({ signature }) => ({ signature: signature.with(40, ~(signature[40] ?? 0)) })),
  'its nonce': (message) => changed(message, () => ({ nonce: new Uint8Array(16) })),
  // 08 03: message_type is 3.
  'its type': (message) => message.with(1, 9),
};

describe('a relay', () => {
  it('that sends a request twice does not make a payment look refused', async () => {
    const { relay, runs, outcome } = await start();
    relay.there = (message) => [message, message];
    expect(await outcome('a')).toBe('paid a');
    expect(runs).toEqual(['a']);
  });

  it('that sends answers twice and requests in another order does no harm', async () => {
    const { relay, runs, outcome } = await start();
    const held: Uint8Array[] = [];
    relay.there = (message) => (held.push(message) < 3 ? [] : held.reverse());
    relay.back = (message) => [message, message];
    const all = await Promise.all(['a', 'b', 'c'].map((words) => outcome(words)));
    expect(all).toEqual(['paid a', 'paid b', 'paid c']);
    expect(runs.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it.each(Object.keys(damages))('that damages %s in one copy leaves it open', async (what) => {
    const { relay, runs, outcome } = await start();
    relay.there = (message) => [damages[what]?.(message) ?? message, message];
    // A nonce is in the digest: that refusal is not signed for the message that was sent.
    const code = what === 'its nonce' ? 'ANDVARI_UNTRUSTED' : 'ANDVARI_REFUSED';
    expect(await outcome('a', idOf(1))).toBe(`${code} unknown`);
    relay.there = asIs;
    expect(await outcome('a', idOf(1))).toBe('paid a');
    expect(runs).toEqual(['a']);
  });

  it('that moves a byte from payload to nonce in one copy leaves it open', async () => {
    const { relay, runs, outcome } = await start({ strictShape: true });
    const requestId = crypto.randomUUID();
    const shift = ({ nonce, payload }: RatatoskrRequest) => ({
      nonce: Uint8Array.of(...nonce, payload[0] ?? 0),
      payload: payload.slice(1),
    });
    relay.there = (message) => [changed(message, shift), message];
    expect(await outcome('ab', requestId)).toBe('ANDVARI_REFUSED unknown');
    relay.there = asIs;
    expect(await outcome('ab', requestId)).toBe('paid ab');
    expect(runs).toEqual(['ab']);
  });

  it('that cuts a copy short does no harm; one that damages an answer leaves it open', async () => {
    const { relay, runs, outcome } = await start();
    relay.there = (message) => [message.slice(0, 1), message];
    expect(await outcome('a')).toBe('paid a');
    relay.there = asIs;
    relay.back = (message) => {
      const opened = codec.openResponse(message);
      if (!opened.ok) throw new Error(opened.reason);
      return [codec.encodeResponse({ ...opened.response, payload: bytes('no') }), message];
    };
    expect(await outcome('b', idOf(1))).toBe('ANDVARI_UNTRUSTED unknown');
    relay.back = asIs;
    expect(await outcome('b', idOf(1))).toBe('paid b');
    expect(runs).toEqual(['a', 'b']);
  });
});
