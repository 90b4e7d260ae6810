import { InvalidArgumentError } from 'commander';
import type { SocketAddress } from '../io/packet-io.ts';

/** `HOST:PORT` or `[IPv6]:PORT`; port 0 is any free one. Throws InvalidArgumentError. */
export function parseListen(text: string): SocketAddress {
  const [, v6, v4, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4;
  const port = Number(digits);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new InvalidArgumentError('wanted HOST:PORT or [IPv6]:PORT.');
}
