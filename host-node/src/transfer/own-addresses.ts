/** The addresses by which others may reach what listens here. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { SocketAddress } from '../io/packet-io.ts';

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;
/** An address of one link alone: nobody can say which link another machine means. */
const LINK_LOCAL = /^(fe[89ab]|169\.254\.)/i;

/**
 * Of a listener on all addresses each of its kind, or that of the machine itself if it has no
 * others; of one on a single address that one.
 */
export function ownAddresses(
  { host, port }: SocketAddress,
  interfaces: Interfaces = networkInterfaces(),
): SocketAddress[] {
  if (host !== '0.0.0.0' && host !== '::') return [{ host, port }];
  const family = host === '::' ? 'IPv6' : 'IPv4';
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const found = all.filter(
    (one) => one.family === family && !one.internal && !LINK_LOCAL.test(one.address),
  );
  const hosts = found.map(({ address }) => address);
  if (hosts.length === 0) hosts.push(family === 'IPv6' ? '::1' : '127.0.0.1');
  return hosts.map((address) => ({ host: address, port }));
}
