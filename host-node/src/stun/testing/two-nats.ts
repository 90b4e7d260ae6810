/**
 * Two sites, each behind a NAT of its own, and the network between them. Both sites have the same
 * addresses inside (10.78.0.2), as homes have, and what both can reach is at 198.51.100.1. Their
 * routers are seen there as 198.51.100.101 and .102; or they are at a carrier that has a NAT too,
 * each at its own, or both at one, which is seen as .101. Wants root, `ip` and `nft`.
 */
import { spawnSync } from 'node:child_process';
import { ip, shape } from '@andvari/native-io/testing/veth';
import { makeNat, type NatKind } from './nat-bed.ts';

export const BETWEEN_HOST = '198.51.100.1';
const INSIDE_HOST = '10.78.0.2';
const MOVED_HOST = '10.78.0.3';
const ROUTER_INSIDE_HOST = '10.78.0.1';
/** At a carrier, the routers of the sites, and its own. */
const CARRIED_HOSTS = ['100.64.0.11', '100.64.0.12'] as const;
const CARRIER_INSIDE_HOST = '100.64.0.1';
const OUTER_HOSTS = ['198.51.100.101', '198.51.100.102'] as const;

/** Who has a NAT between the sites' routers and the network between: nobody, two, or one. */
export type Carriers = 'none' | 'two' | 'one';

interface CarrierOptions {
  /** Of the carrier of each site. */
  kinds: readonly [NatKind, NatKind];
  /** Does one carrier let its two sites reach each other by its outer address [no]? */
  hairpin?: boolean;
}

const FIREWALL = [
  'add table ip6 wall',
  'add chain ip6 wall pass { type filter hook forward priority 0; }',
  'add rule ip6 wall pass ct state established,related accept',
  'add rule ip6 wall pass iifname out drop',
];

let made = 0;

export class TwoNats {
  /** Names of the namespaces: what lies between, and the two sites. */
  readonly between: string;
  readonly sites: readonly [string, string];
  readonly #routers: readonly [string, string];
  readonly #carriers: readonly string[];

  constructor(carriers: Carriers = 'none') {
    const id = `${process.pid}-${made++}`;
    this.between = `and-tb-${id}`;
    this.sites = [`and-t1-${id}`, `and-t2-${id}`];
    this.#routers = [`and-r1-${id}`, `and-r2-${id}`];
    const names = [`and-c1-${id}`, `and-c2-${id}`];
    this.#carriers = names.slice(0, { none: 0, one: 1, two: 2 }[carriers]);
    try {
      this.#make();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** From now on, and as if nothing had gone before; carriers, where there are any. */
  behave(kinds: readonly [NatKind, NatKind], carriers?: CarrierOptions): void {
    for (const i of [0, 1] as const) {
      makeNat(this.#routers[i], { kind: kinds[i] });
      const [carrier, kind] = [this.#carriers[i], carriers?.kinds[i]];
      const hairpin = carriers?.hairpin ? OUTER_HOSTS[i] : undefined;
      if (carrier && kind) makeNat(carrier, { kind, inside: CARRIED_HOSTS[i], hairpin });
    }
  }

  /**
   * Gives both sites IPv6 as well, of which there is no NAT; but their routers let in only what
   * answers something that went out, as those of homes do.
   */
  addIpv6(): void {
    const prefix = (i: number) => `2001:db8:${i + 1}::`;
    const host = (i: number) => `2001:db8::10${i + 1}`;
    giveIpv6(this.between, 'bridge0', '2001:db8::1');
    for (const i of [0, 1] as const) {
      const [site, router] = [this.sites[i], this.#routers[i]];
      giveIpv6(router, 'out', host(i));
      giveIpv6(router, 'in', `${prefix(i)}1`);
      giveIpv6(site, 'eth', `${prefix(i)}2`);
      ip('-n', site, '-6', 'route', 'add', 'default', 'via', `${prefix(i)}1`);
      ip('-n', router, '-6', 'route', 'add', `${prefix(1 - i)}/64`, 'via', host(1 - i));
      ip('-n', this.between, '-6', 'route', 'add', `${prefix(i)}/64`, 'via', host(i));
      const on = 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding';
      ip('netns', 'exec', router, 'sh', '-c', on);
      for (const rule of FIREWALL) ip('netns', 'exec', router, 'nft', ...rule.split(' '));
    }
  }

  /** The machine of a site has another address there, as in another network. */
  move(site: 0 | 1): void {
    const name = this.sites[site];
    ip('-n', name, 'addr', 'del', `${INSIDE_HOST}/24`, 'dev', 'eth');
    give(name, 'eth', MOVED_HOST);
    ip('-n', name, 'route', 'replace', 'default', 'via', ROUTER_INSIDE_HOST);
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
    for (const name of this.#all) spawnSync('ip', ['netns', 'del', name]);
  }

  get #all(): string[] {
    return [this.between, ...this.sites, ...this.#routers, ...this.#carriers];
  }

  #make(): void {
    for (const name of this.#all) ip('netns', 'add', name);
    bridge(this.between, 'bridge0', BETWEEN_HOST);
    this.#carriers.forEach((carrier, i) => {
      this.#joinBetween(carrier, i);
      bridge(carrier, 'in', CARRIER_INSIDE_HOST);
      forward(carrier);
    });
    for (const i of [0, 1] as const) this.#site(this.sites[i], this.#routers[i], i);
  }

  /** The outer side of a router that is seen between. */
  #joinBetween(router: string, i: number): void {
    wire([router, 'out'], [this.between, `p${i}`]);
    ip('-n', this.between, 'link', 'set', `p${i}`, 'master', 'bridge0', 'up');
    give(router, 'out', OUTER_HOSTS[i] ?? '');
  }

  #site(site: string, router: string, i: 0 | 1): void {
    const carrier = this.#carriers[i] ?? this.#carriers[0];
    if (carrier) {
      wire([router, 'out'], [carrier, `p${i}`]);
      ip('-n', carrier, 'link', 'set', `p${i}`, 'master', 'in', 'up');
      give(router, 'out', CARRIED_HOSTS[i]);
      ip('-n', router, 'route', 'add', 'default', 'via', CARRIER_INSIDE_HOST);
    } else this.#joinBetween(router, i);
    wire([router, 'in'], [site, 'eth']);
    give(router, 'in', ROUTER_INSIDE_HOST);
    give(site, 'eth', INSIDE_HOST);
    ip('-n', site, 'route', 'add', 'default', 'via', ROUTER_INSIDE_HOST);
    forward(router);
  }
}

type End = readonly [namespace: string, device: string];

function wire([one, device]: End, [other, there]: End): void {
  const peer = ['peer', 'name', there, 'netns', other];
  ip('-n', one, 'link', 'add', device, 'type', 'veth', ...peer);
}

function bridge(namespace: string, device: string, host: string): void {
  ip('-n', namespace, 'link', 'add', 'name', device, 'type', 'bridge');
  give(namespace, device, host);
}

function give(namespace: string, device: string, host: string): void {
  ip('-n', namespace, 'addr', 'add', `${host}/24`, 'dev', device);
  for (const one of ['lo', device]) ip('-n', namespace, 'link', 'set', one, 'up');
}

function giveIpv6(namespace: string, device: string, host: string): void {
  ip('-n', namespace, '-6', 'addr', 'add', `${host}/64`, 'dev', device, 'nodad');
}

function forward(router: string): void {
  const command = 'echo 1 > /proc/sys/net/ipv4/ip_forward';
  ip('netns', 'exec', router, 'sh', '-c', command);
}
