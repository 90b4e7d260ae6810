/** The suite of Ratatoskr against servers of ours, whole and wrong in one way. */
import { afterEach, describe, expect, it } from 'vitest';
import { NodeEd25519Signer } from '../../ratatoskr/node-ed25519.ts';
import { placesForTests } from '../../ratatoskr/testing/places.ts';
import { type PlaceOptions, serverSeed, USER } from '../../ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../../ratatoskr/testing/real-clock.ts';
import { signerOf } from '../../ratatoskr/testing/test-peer.ts';
import { runProtocol } from '../protocol-suite.ts';
import { DamagingWebSocket } from '../testing/damaging-websocket.ts';
import type { CaseResult } from '../verdict.ts';
import { ratatoskrSuite } from './suite.ts';

const start = placesForTests();
const proxies: DamagingWebSocket[] = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

async function place(options: PlaceOptions = {}) {
  return await start({
    clock: new RealClock(),
    refuseBeforeS: 0,
    rates: { perMinute: 1000, perHour: 10_000 },
    ...options,
  });
}

async function through(url: string): Promise<DamagingWebSocket> {
  const proxy = await DamagingWebSocket.open(url);
  proxies.push(proxy);
  return proxy;
}

/** What does not pass of that part, in words. */
async function odd(url: string, part = 'ratatoskr', isKnown = true): Promise<string[]> {
  const results: CaseResult[] = [];
  const suite = ratatoskrSuite({
    ...{ url, replyMs: 3000, silenceMs: 60 },
    serverKey: Buffer.from(new NodeEd25519Signer(serverSeed).publicKey),
    ...(isKnown && {
      device: { deviceId: 'device-1', userId: USER, signer: signerOf('device-1') },
    }),
  });
  const { signal } = new AbortController();
  const cases = suite.cases.filter(({ id }) => id.startsWith(part));
  await runProtocol(suite, cases, {
    ...{ target: url, signal },
    onResult: (result) => void results.push(result),
  });
  expect(results).toHaveLength(cases.length);
  return results
    .filter(({ verdict }) => verdict !== 'pass')
    .map((result) => `${result.verdict} ${result.case.id}: ${result.problem}`);
}

describe('the suite of Ratatoskr', () => {
  it('passes a server of ours', async () => {
    expect(await odd((await place()).url)).toEqual([]);
  });

  it('tries without a device what a stranger can see', async () => {
    const skipped = await odd((await place()).url, 'ratatoskr/', false);
    expect(skipped.length).toBeGreaterThan(15);
    expect(skipped.length).toBeLessThan(30);
    for (const text of skipped) expect(text).toMatch(/^skip .*it wants a registered device/);
  });

  it('finds a skew', async () => {
    const { url } = await place({ skewS: 60 });
    expect(await odd(url)).toEqual([
      expect.stringMatching(/^warn ratatoskr\/timestamp\/future-near: wanted TIMESTAMP_INVALID/),
    ]);
  });

  it('finds another close code', async () => {
    const proxy = await through((await place()).url);
    proxy.closing = (code) => (code === 1007 ? 1008 : code);
    expect(await odd(`ws://127.0.0.1:${proxy.port}/ratatoskr`, 'ratatoskr/decode')).toEqual([
      'fail ratatoskr/decode/third: wanted the connection closed with 1007, got 1008',
    ]);
  });

  it('finds one bit of a signature', async () => {
    const proxy = await through((await place()).url);
    proxy.damage = (answer) => {
      if (!answer.includes('NO_SESSION')) return answer;
      const bytes = Buffer.from(answer);
      const at = bytes.indexOf('x-ratatoskr-sig') + 20;
      bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
      return bytes;
    };
    expect(await odd(`ws://127.0.0.1:${proxy.port}/ratatoskr`, 'ratatoskr/business')).toEqual([
      expect.stringMatching(/^fail ratatoskr\/business\/no-session: the answer is not signed/),
    ]);
  });
});
