import { isIP } from 'node:net';

/** In a list of origins: requests that carry no Origin header at all. */
export const NO_ORIGIN = 'none';

/**
 * Who may talk to a listener: exact lists of Host and Origin header values.
 *
 * Host stops DNS rebinding: a page of an attacker's own name, pointed at our address, sends that
 * name. Origin says which page a browser speaks for; a browser sends it with every WebSocket and
 * every POST and no script can change it. A program that is no browser (Node's own WebSocket, the
 * `ws` package, curl) sends none and could send any, so Origin protects a browser's user, not the
 * server. Programs are let in by the entry `none`; without it a server answers listed pages only.
 */
export class AllowList {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  /** @param lists `hosts` as `name:port`, `origins` as `http://name:port` or `none` */
  constructor(lists: { hosts: readonly string[]; origins: readonly string[] }) {
    this.#hosts = new Set(lists.hosts.map((host) => host.toLowerCase()));
    this.#origins = new Set(lists.origins.map((origin) => origin.toLowerCase()));
  }

  acceptsHost(host: string | undefined): boolean {
    return host !== undefined && this.#hosts.has(host.toLowerCase());
  }

  /**
   * A listed Host, or one that is an IP address: rebinding needs a name. For pages without secrets
   * that monitors fetch by address, behind whatever port mapping.
   */
  acceptsHostOrAddress(host: string | undefined): boolean {
    if (this.acceptsHost(host)) return true;
    const literal = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::\d{1,5})?$/i.exec(host ?? '');
    return literal !== null && isIP(literal[1] ?? literal[2] ?? '') !== 0;
  }

  acceptsOrigin(origin: string | undefined): boolean {
    if (origin === undefined) return this.#origins.has(NO_ORIGIN);
    const given = origin.toLowerCase();
    return given !== NO_ORIGIN && this.#origins.has(given);
  }
}
