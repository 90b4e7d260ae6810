import { describe, expect, it } from 'vitest';
import { parseEndpoint } from './ratatoskr-endpoint.ts';

const key = 'ab'.repeat(32);
const good = {
  url: 'wss://example.org/ratatoskr',
  webTransportUrl: '',
  serverKey: '',
  certificateHashes: '',
  user: 'owner',
};

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

  it.each([
    ['address', { url: '' }],
    ['address', { url: 'ws://example.org/' }],
    ['address', { url: 'ws://127.0.0.1.example.org/' }],
    ['address', { url: 'https://example.org/' }],
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
