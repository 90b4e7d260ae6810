import { InvalidArgumentError, Option } from 'commander';
import type { SocketAddress } from '../io/packet-io.ts';

/** IANA's port of STUN. */
const STUN_PORT = 3478;

/** `HOST:PORT` or `[IPv6]:PORT`; port 0 is any free one. Throws InvalidArgumentError. */
export function parseListen(text: string): SocketAddress {
  const [, v6, v4, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4;
  const port = Number(digits);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new InvalidArgumentError('wanted HOST:PORT or [IPv6]:PORT.');
}

/** Where a node is to listen; without a host the node chooses (node-config.ts). */
export type WantedListen = Partial<SocketAddress> & Pick<SocketAddress, 'port'>;

/** `--listen` of a node. */
export function listenOption(what: string, port: number): Option {
  const all = 'all addresses of IPv4, with a relay also of IPv6';
  return new Option('--listen <host:port>', what)
    .argParser(parseListen)
    .default({ port }, port === 0 ? `${all}, any port` : `${all}, port ${port}`);
}

/** HOST, HOST:PORT or [IPv6]:PORT; IANA's port unless it is given. Throws InvalidArgumentError. */
export function parseStunServer(text: string): SocketAddress {
  if (/:\d+$/.test(text) && !/^[^[].*:.*:/.test(text)) return parseListen(text);
  const host = /^\[(.+)\]$/.exec(text)?.[1] ?? text;
  if (host !== '' && !/[\s/[\]]/.test(host)) return { host, port: STUN_PORT };
  throw new InvalidArgumentError('wanted HOST, HOST:PORT or [IPv6]:PORT.');
}
