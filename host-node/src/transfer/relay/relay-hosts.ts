/**
 * The names that a relay is dialed by. A client signs for the name that it has dialed, so a relay
 * takes only such as are its own: or another one could have a client sign this relay's challenge,
 * and subscribe here in its place.
 */
import type { Socket } from 'node:net';
import { relayHostOf } from '@andvari/host-common/transfer/relay/relay-channel';
import { formatAddress } from '../../http/socket-address.ts';
import { isLoopback } from '../../raida/origin.ts';

export class RelayHosts {
  readonly #names: ReadonlySet<string>;

  /**
   * @param names and addresses by which clients dial it, besides that at which they arrive; behind
   * a NAT its outer address is one of them
   * @throws RangeError: no name of a host
   */
  constructor(names: readonly string[]) {
    this.#names = new Set(
      names.map((name) => {
        const host = /[/@?#]/.test(name)
          ? undefined
          : hostOf(name.includes(':') ? `[${name}]` : name);
        if (host === undefined) throw new RangeError(`${name} is no name of a host`);
        return host;
      }),
    );
  }

  /** What a client has dialed, by its Host header; undefined: that is not us. */
  dialed(header: string | undefined, { localAddress = '' }: Pick<Socket, 'localAddress'>) {
    if (header === undefined || !/^[a-z0-9._:[\]-]+$/i.test(header)) return undefined;
    const host = hostOf(header);
    if (host === undefined) return undefined;
    const here = localAddress.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
    const isHere = host === hostOf(formatAddress({ host: here, port: 1 }));
    const isThisMachine = host === 'localhost' && isLoopback(here);
    return isHere || isThisMachine || this.#names.has(host) ? host : undefined;
  }
}

/** As both ends write it. */
function hostOf(authority: string): string | undefined {
  return relayHostOf(`wss://${authority}`);
}
