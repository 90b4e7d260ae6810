import { describe, expect, it } from 'vitest';
import { parseRatatoskrAddress } from './address.ts';

const serverKey = 'a1'.repeat(32);
const url = 'ws://127.0.0.1:50062/ratatoskr';
const webTransport = { url: 'https://127.0.0.1:50062/ratatoskr', certificateHashes: [serverKey] };

describe('parseRatatoskrAddress', () => {
  it.each([
    ['WebSocket alone', { url, serverKey }],
    ['both', { url, serverKey, webTransport }],
    ['TLS', { url: 'wss://host/ratatoskr', serverKey }],
    [
      'a certificate of an authority',
      { url, serverKey, webTransport: { ...webTransport, certificateHashes: [] } },
    ],
  ])('takes %s', (_, ratatoskr) => {
    expect(parseRatatoskrAddress({ wire: 'spec', ratatoskr })).toEqual(ratatoskr);
  });

  it.each([{}, undefined, null, { ratatoskr: null }])('finds none in %j', (network) => {
    expect(parseRatatoskrAddress(network)).toBeUndefined();
  });

  it.each([
    ['url', { url: 'http://127.0.0.1/', serverKey }],
    ['url', { serverKey }],
    ['serverKey', { url, serverKey: serverKey.slice(1) }],
    ['serverKey', { url, serverKey: serverKey.toUpperCase() }],
    ['webTransport.url', { url, serverKey, webTransport: { ...webTransport, url } }],
    ['webTransport.certificateHashes', { url, serverKey, webTransport: { url: webTransport.url } }],
    [
      'webTransport.certificateHashes',
      { url, serverKey, webTransport: { ...webTransport, certificateHashes: ['x'] } },
    ],
  ])('refuses a wrong %s', (path, ratatoskr) => {
    expect(() => parseRatatoskrAddress({ ratatoskr })).toThrow(`ratatoskr.${path}: wanted`);
  });
});
