import { expect, it } from 'vitest';
import { isPrivateAddress } from './dht-address.ts';

it.each([
  ...['10.0.0.1', '127.0.0.1', '172.16.0.1', '172.31.255.1', '192.168.1.1', '169.254.1.1'],
  ...['100.64.0.1', '100.127.1.1', '0.0.0.0'],
])('%s is private', (address) => {
  expect(isPrivateAddress(`/ip4/${address}/tcp/4003`)).toBe(true);
});

it.each(['::1', '::', 'fe80::1', 'fc00::1', 'FD12::1', '::ffff:10.0.0.1'])(
  '%s is private',
  (six) => {
    expect(isPrivateAddress(`/ip6/${six}/tcp/4003/p2p/12D3KooW`)).toBe(true);
  },
);

it.each([
  ...['/ip4/1.2.3.4/tcp/1', '/ip4/172.15.0.1/tcp/1', '/ip4/172.32.0.1/tcp/1'],
  ...['/ip4/192.169.0.1/tcp/1', '/ip4/100.63.0.1/tcp/1', '/ip4/100.128.0.1/tcp/1'],
  ...[
    '/ip4/169.253.0.1/tcp/1',
    '/ip6/2001:db8::1/tcp/1',
    '/ip6/::2/tcp/1',
    '/dns4/a.example/tcp/1',
  ],
])('%s is not', (address) => {
  expect(isPrivateAddress(address)).toBe(false);
});
