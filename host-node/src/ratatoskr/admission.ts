/**
 * Whom a listener lets in before it reads a message. Messages carry a device's signature, but
 * without this any page of the world could open connections through its visitors' browsers, and
 * take the places of others.
 */
import { AllowList, NO_ORIGIN } from '../http/allow-list.ts';
import { isWildcard, ownHosts } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';

export interface AdmissionLists {
  /** Names besides those of the listening address; without a port with the listening one too. */
  hosts?: readonly string[] | undefined;
  /** Pages (`https://name:port`), and `none` for programs without an Origin [`none` alone]. */
  origins?: readonly string[] | undefined;
}

export class Admission {
  readonly #allowed: AllowList;
  readonly #isWildcard: boolean;

  /** @param address with the port that the listener was given */
  constructor(address: SocketAddress, { hosts = [], origins = [NO_ORIGIN] }: AdmissionLists) {
    const names = hosts.flatMap((host) =>
      /:\d+$/.test(host) ? [host] : [host, `${host}:${address.port}`],
    );
    this.#allowed = new AllowList({ hosts: [...ownHosts(address), ...names], origins });
    this.#isWildcard = isWildcard(address.host);
  }

  /** Host of HTTP/1.1, :authority of HTTP/3. On all addresses every address is our own. */
  admitsHost(host: string | undefined): boolean {
    return this.#isWildcard
      ? this.#allowed.acceptsHostOrAddress(host)
      : this.#allowed.acceptsHost(host);
  }

  /** Undefined: the client is no browser. */
  admitsOrigin(origin: string | undefined): boolean {
    return this.#allowed.acceptsOrigin(origin);
  }
}
