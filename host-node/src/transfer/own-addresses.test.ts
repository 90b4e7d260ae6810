// What a code says of where its sender listens.
import type { NetworkInterfaceInfo } from 'node:os';
import { expect, it } from 'vitest';
import { anyHost, ownAddresses } from './own-addresses.ts';

const one = (address: string, internal = false) =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo;
const interfaces = {
  lo: [one('127.0.0.1', true), one('::1', true)],
  eth0: [one('192.0.2.7'), one('fe80::1'), one('2001:db8::7')],
  wlan0: [one('198.51.100.9'), one('169.254.3.4')],
};

it.each([
  ['0.0.0.0', ['192.0.2.7', '198.51.100.9']],
  ['::', ['2001:db8::7', '192.0.2.7', '198.51.100.9']],
  ['192.0.2.7', ['192.0.2.7']],
  ['127.0.0.1', ['127.0.0.1']],
])('a listener at %s is reached at %j', (host, hosts) => {
  const wanted = hosts.map((address) => ({ host: address, port: 8420 }));
  expect(ownAddresses({ host, port: 8420 }, interfaces)).toEqual(wanted);
});

it.each([
  ['0.0.0.0', ['127.0.0.1']],
  ['::', ['::1', '127.0.0.1']],
])('one at %s of a machine without a network is reached at %j', (host, hosts) => {
  const { lo } = interfaces;
  const wanted = hosts.map((address) => ({ host: address, port: 1 }));
  expect(ownAddresses({ host, port: 1 }, { lo })).toEqual(wanted);
});

it('all that a machine can hear, with IPv6 and without', () => {
  expect(anyHost(interfaces)).toBe('::');
  expect(anyHost({ lo: [one('127.0.0.1', true)], eth0: [one('192.0.2.7')] })).toBe('0.0.0.0');
});
