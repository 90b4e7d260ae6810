import type { SocketAddress } from '../io/packet-io.ts';
import { isLoopback } from '../raida/origin.ts';

/** `127.0.0.1:25000`, `[::1]:25000`: as people and URLs write it. */
export function formatAddress({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Listens on every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The Host values by which a listener is reached without any name service. */
export function ownHosts({ host, port }: SocketAddress): string[] {
  const names = isLoopback(host) ? [host, 'localhost'] : [host];
  if (host === '0.0.0.0') names.push('127.0.0.1', 'localhost');
  if (host === '::') names.push('::1', '127.0.0.1', 'localhost');
  return names.flatMap((name) => {
    const full = formatAddress({ host: name, port });
    // A client leaves the standard port out of the header.
    return port === 80 || port === 443 ? [full, full.replace(/:\d+$/, '')] : [full];
  });
}
