import { expect, it } from 'vitest';
import { listenFor, listenForAll } from './call-peer.ts';
import { anyHost } from './own-addresses.ts';

const at = (host: string) => ({ host, port: 41641 });

it.each([
  ['127.0.0.1', '127.0.0.1'],
  ['127.8.9.10', '127.0.0.1'],
  ['::1', '::1'],
])('calls %s, which is this machine, from its loopback interface', (host, from) => {
  expect(listenFor(at(host))).toEqual({ host: from, port: 0 });
});

it.each([
  ['192.0.2.7', '0.0.0.0'],
  ['12.7.0.1', '0.0.0.0'],
  ['2001:db8::7', '::'],
  // Only a socket at all addresses of IPv6 sends to it.
  ['::ffff:127.0.0.1', '::'],
])('calls %s from any interface', (host, from) => {
  expect(listenFor(at(host))).toEqual({ host: from, port: 0 });
});

it('has no place for a peer at a relay', () => {
  expect(listenFor(undefined)).toEqual({ host: anyHost(), port: 0 });
});

it('reaches other machines too when several peers are called, one of them here', () => {
  expect(listenForAll(at('127.0.0.1'))).toEqual({ host: '0.0.0.0', port: 0 });
  expect(listenForAll(at('::1'))).toEqual({ host: '::', port: 0 });
});
