import { expect, it } from 'vitest';
import { RetryTokens } from './retry-token.ts';

const NOW_MS = 1_800_000_000_000;
const remote = { host: '192.0.2.1', port: 4433 };
const ids = { odcid: new Uint8Array(8).fill(1), scid: new Uint8Array(16).fill(2) };
const tokens = new RetryTokens();
const token = tokens.issue(remote, ids, NOW_MS);
const use = { dcid: ids.scid, nowMs: NOW_MS };

it('gives back the original id, up to ten seconds later', () => {
  expect(tokens.open(token, remote, use)).toEqual(ids.odcid);
  expect(tokens.open(token, remote, { ...use, nowMs: NOW_MS + 10_000 })).toEqual(ids.odcid);
});

it('refuses it too late, and before its time', () => {
  expect(tokens.open(token, remote, { ...use, nowMs: NOW_MS + 10_001 })).toBeUndefined();
  expect(tokens.open(token, remote, { ...use, nowMs: NOW_MS - 1 })).toBeUndefined();
});

it('refuses it from another address or port, for another id, and of another server', () => {
  expect(tokens.open(token, { ...remote, host: '192.0.2.2' }, use)).toBeUndefined();
  expect(tokens.open(token, { ...remote, port: 4434 }, use)).toBeUndefined();
  expect(tokens.open(token, remote, { ...use, dcid: ids.odcid })).toBeUndefined();
  expect(new RetryTokens().open(token, remote, use)).toBeUndefined();
});

it('refuses any changed bit, and any other length', () => {
  for (let bit = 0; bit < token.length * 8; bit++) {
    const changed = token.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(tokens.open(changed, remote, use), `bit ${bit}`).toBeUndefined();
  }
  for (let length = 0; length < token.length; length++) {
    expect(tokens.open(token.slice(0, length), remote, use)).toBeUndefined();
  }
  expect(tokens.open(Buffer.concat([token, token]), remote, use)).toBeUndefined();
});
