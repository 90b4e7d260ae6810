/**
 * Two sites, each behind a NAT of its own, and the network between them: five namespaces. Both
 * sites have the same addresses inside (10.78.0.2), as homes have; their routers are seen as
 * 198.51.100.101 and .102, and what both can reach is at 198.51.100.1. Wants root, `ip` and `nft`.
 */
import { spawnSync } from 'node:child_process';
import { ip, shape } from '@andvari/native-io/testing/veth';
import { makeNat, type NatKind } from './nat-bed.ts';

export const BETWEEN_HOST = '198.51.100.1';
const INSIDE_HOST = '10.78.0.2';
const ROUTER_INSIDE_HOST = '10.78.0.1';

let made = 0;

export class TwoNats {
  /** Names of the namespaces: what lies between, and the two sites. */
  readonly between: string;
  readonly sites: readonly [string, string];
  readonly #routers: readonly [string, string];

  constructor() {
    const id = `${process.pid}-${made++}`;
    this.between = `and-tb-${id}`;
    this.sites = [`and-t1-${id}`, `and-t2-${id}`];
    this.#routers = [`and-r1-${id}`, `and-r2-${id}`];
    try {
      this.#make();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** From now on, and as if nothing had gone before. */
  behave(kinds: readonly [NatKind, NatKind]): void {
    for (const i of [0, 1] as const) makeNat(this.#routers[i], kinds[i]);
  }

  /** What a site sends goes no faster than that; false: this machine cannot. */
  slow(site: 0 | 1, megabits: number): boolean {
    return shape(this.sites[site], 'eth', megabits, '400k');
  }

  /** Lets no packet pass between the sites any more; what lies between can be reached. */
  cut(): void {
    const rules = [
      'add table ip cut',
      'add chain ip cut pass { type filter hook forward priority -10; }',
      `add rule ip cut pass ip saddr 198.51.100.100/30 ip saddr != ${BETWEEN_HOST} drop`,
      `add rule ip cut pass ip daddr 198.51.100.100/30 ip daddr != ${BETWEEN_HOST} drop`,
    ];
    for (const router of this.#routers) {
      for (const rule of rules) ip('netns', 'exec', router, 'nft', ...rule.split(' '));
    }
  }

  join(): void {
    for (const router of this.#routers) {
      spawnSync('ip', ['netns', 'exec', router, 'nft', 'delete', 'table', 'ip', 'cut']);
    }
  }

  remove(): void {
    for (const name of [this.between, ...this.sites, ...this.#routers]) {
      spawnSync('ip', ['netns', 'del', name]);
    }
  }

  #make(): void {
    for (const name of [this.between, ...this.sites, ...this.#routers]) ip('netns', 'add', name);
    ip('-n', this.between, 'link', 'add', 'name', 'bridge0', 'type', 'bridge');
    ip('-n', this.between, 'addr', 'add', `${BETWEEN_HOST}/24`, 'dev', 'bridge0');
    for (const dev of ['lo', 'bridge0']) ip('-n', this.between, 'link', 'set', dev, 'up');
    for (const i of [0, 1] as const) this.#site(i, this.sites[i], this.#routers[i]);
  }

  #site(i: number, site: string, router: string): void {
    const pair = (name: string, to: string, there: string) =>
      ip('-n', router, 'link', 'add', name, 'type', 'veth', 'peer', 'name', there, 'netns', to);
    pair('out', this.between, `p${i}`);
    pair('in', site, 'eth');
    ip('-n', this.between, 'link', 'set', `p${i}`, 'master', 'bridge0', 'up');
    const give = (namespace: string, dev: string, host: string) => {
      ip('-n', namespace, 'addr', 'add', `${host}/24`, 'dev', dev);
      for (const one of ['lo', dev]) ip('-n', namespace, 'link', 'set', one, 'up');
    };
    give(router, 'out', `198.51.100.10${i + 1}`);
    give(router, 'in', ROUTER_INSIDE_HOST);
    give(site, 'eth', INSIDE_HOST);
    ip('-n', site, 'route', 'add', 'default', 'via', ROUTER_INSIDE_HOST);
    const forward = 'echo 1 > /proc/sys/net/ipv4/ip_forward';
    ip('netns', 'exec', router, 'sh', '-c', forward);
  }
}
