import { expect, it } from 'vitest';
import { webSocketUrl } from './peer-address.ts';

const id = `/p2p/12D3KooW${'a'.repeat(44)}`;

it.each([
  ['/ip4/127.0.0.1/tcp/4002/ws', 'ws://127.0.0.1:4002/'],
  [`/ip4/127.0.0.1/tcp/4002/ws${id}`, 'ws://127.0.0.1:4002/'],
  [`/ip6/::1/tcp/4002/ws${id}`, 'ws://[::1]:4002/'],
  [`/dns4/peer.example/tcp/443/wss${id}`, 'wss://peer.example/'],
  [`/dns/peer.example/tcp/4443/tls/ws${id}`, 'wss://peer.example:4443/'],
])('%s is a WebSocket at %s', (address, url) => {
  expect(webSocketUrl(address)).toBe(url);
});

it.each([
  `/ip4/127.0.0.1/tcp/4001${id}`,
  `/ip4/127.0.0.1/udp/4001/quic-v1${id}`,
  `/ip4/127.0.0.1/tcp/99999/ws${id}`,
  `/ip6/127.0.0.1;x/tcp/1/ws${id}`,
  `/unix/a/tcp/1/ws${id}`,
  `/ip4/127.0.0.1/tcp/4002/ws${id}/p2p-circuit`,
  'ws://127.0.0.1:4002/',
])('%s is none', (address) => {
  expect(webSocketUrl(address)).toBeUndefined();
});
