/** The addresses by which others may reach what listens here. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { SocketAddress } from '../io/packet-io.ts';

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;
/** An address of one link alone: nobody can say which link another machine means. */
const LINK_LOCAL = /^(fe[89ab]|169\.254\.)/i;

/**
 * Of a listener on all addresses each of its kind, of IPv6 first, with those of IPv4 between them,
 * since one at :: hears both; or that of the machine itself if it has no others. Of one on a single
 * address that one.
 */
export function ownAddresses(
  { host, port }: SocketAddress,
  interfaces: Interfaces = networkInterfaces(),
): SocketAddress[] {
  if (host !== '0.0.0.0' && host !== '::') return [{ host, port }];
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const of = (family: string, isInternal: boolean) =>
    all.filter((one) => one.family === family && one.internal === isInternal);
  const families = host === '::' ? ['IPv6', 'IPv4'] : ['IPv4'];
  const found = families.map((family) =>
    of(family, false).filter(({ address }) => !LINK_LOCAL.test(address)),
  );
  const hosts = inTurns(found).map(({ address }) => address);
  if (hosts.length > 0) return hosts.map((address) => ({ host: address, port }));
  const here = families.flatMap((family) => of(family, true).slice(0, 1));
  return here.map(({ address }) => ({ host: address, port }));
}

/** Where to listen for all that this machine can hear: IPv4 too at ::, if it has IPv6 at all. */
export function anyHost(interfaces: Interfaces = networkInterfaces()): string {
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  return all.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
}

function inTurns<One>(lists: readonly (readonly One[])[]): One[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) =>
    lists.flatMap((list) => list.slice(i, i + 1)),
  ).flat();
}
