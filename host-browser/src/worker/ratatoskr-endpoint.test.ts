import { describe, expect, it } from 'vitest';
import { offeredHashes, parseEndpoint as parse, refuseUnreachable } from './ratatoskr-endpoint.ts';

const key = 'ab'.repeat(32);
const good = {
  url: 'wss://example.org/ratatoskr',
  webTransportUrl: '',
  serverKey: '',
  certificateHashes: '',
  user: 'owner',
  hashesOffered: false,
};
const parseEndpoint = (words: typeof good) => parse(words, async () => undefined);

describe("an endpoint that the page's policy", () => {
  const own = ['ws://127.0.0.1:50062/ratatoskr', 'https://127.0.0.1:50062/ratatoskr'];
  const refusal = (url: string, webTransportUrl: string, reachable: string[] | undefined = own) => {
    try {
      refuseUnreachable({ url, webTransportUrl }, reachable);
      return undefined;
    } catch (error) {
      return error as Error & { code: string };
    }
  };

  it('names can be connected to', () => {
    expect(refusal(own[0] as string, '')).toBeUndefined();
    expect(refusal(` ${own[0]} `, own[1] as string)).toBeUndefined();
    const more = [...own, 'wss://example.org/r', 'wss://example.net/'];
    expect(refusal('wss://example.org:443/r', '', more)).toBeUndefined();
    expect(refusal('wss://example.net/any/path', '', more)).toBeUndefined();
    refuseUnreachable({ url: 'wss://example.org/r', webTransportUrl: '' }, undefined);
  });

  it.each([
    ['wss://example.org/r', ''],
    ['ws://127.0.0.1:50063/ratatoskr', ''],
    ['ws://127.0.0.1:50062/ratatoskr/more', ''],
    ['wss://127.0.0.1:50062/ratatoskr', ''],
    [own[0] as string, 'https://example.org/r'],
  ])('does not name is refused at once: %s %s', (url, webTransportUrl) => {
    const { code, message } = refusal(url, webTransportUrl) as Error & { code: string };
    expect(code).toBe('ANDVARI_ENDPOINT');
    expect(message).toContain(`${own[0]} and ${own[1]} alone: the Content-Security-Policy`);
    expect(message).toMatch(/andvari network up --connect (wss?|https):\/\/\S+ who/);
    expect(refusal(url, webTransportUrl, [])?.message).toContain('connect to no such server');
  });
});

describe('an endpoint', () => {
  it('is what the fields say', () => {
    const { transports, serverKey, user } = parseEndpoint({
      ...good,
      ...{ url: ' wss://example.org/ratatoskr ', serverKey: key.toUpperCase(), user: ' ann ' },
      ...{ certificateHashes: `${key}, ${key}`, webTransportUrl: 'https://example.org/' },
    });
    // Node has no WebTransport.
    expect(transports.map(({ name }) => name)).toEqual(['websocket']);
    expect(serverKey).toEqual(new Uint8Array(32).fill(0xab));
    expect(user).toBe('ann');
    expect(parseEndpoint(good).serverKey).toBeUndefined();
    for (const host of ['localhost', '127.0.0.1:1', '127.1.2.3', '[::1]:9']) {
      expect(parseEndpoint({ ...good, url: `ws://${host}/` }).transports).toHaveLength(1);
    }
  });

  it('asks the server of the page for the hashes of now', async () => {
    const webTransportUrl = 'https://127.0.0.1:1/ratatoskr';
    const known = [new Uint8Array(32).fill(1)];
    const offer = (url: string) => async () => ({
      ...{ url: 'ws://127.0.0.1:1/ratatoskr', serverKey: key },
      webTransport: { url, certificateHashes: [key, key] },
    });
    const ask = (askAddress: Parameters<typeof offeredHashes>[2]) =>
      offeredHashes(webTransportUrl, known, askAddress);
    const now = new Uint8Array(32).fill(0xab);
    expect(await ask(offer(webTransportUrl))).toEqual([now, now]);
    expect(await ask(offer('https://other.example/'))).toBe(known);
    expect(await ask(async () => undefined)).toBe(known);
    expect(await ask(() => Promise.reject(new Error('away')))).toBe(known);
  });

  it.each([
    ['address', { url: '' }],
    ['address', { url: 'ws://example.org/' }],
    ['address', { url: 'ws://127.0.0.1.example.org/' }],
    ['address', { url: 'https://example.org/' }],
    ['address', { url: 'wss://example.org/ratatoskr#part' }],
    ['address', { webTransportUrl: 'https://example.org/#part' }],
    ['WebTransport', { webTransportUrl: 'http://example.org/' }],
    ['key of the server', { serverKey: key.slice(1) }],
    ['key of the server', { serverKey: `${key}a` }],
    ['certificate', { certificateHashes: `${key} ab` }],
    ['certificate', { certificateHashes: `${key} `.repeat(9) }],
    ['user', { user: ' ' }],
    ['user', { user: 'a\nb' }],
    ['user', { user: 'x'.repeat(65) }],
  ])('with a wrong %s is refused', (name, change) => {
    expect(() => parseEndpoint({ ...good, ...change })).toThrow(new RegExp(name));
  });
});
