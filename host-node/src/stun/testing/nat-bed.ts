/**
 * A network with a NAT, in three namespaces of its own: `inside` (10.78.0.2) reaches `outside`
 * (198.51.100.1 and .2) through a router that is seen there as 198.51.100.100. Wants root, `ip` and
 * `nft`.
 */
import { spawnSync } from 'node:child_process';
import { ip, unlessRequired, whyNoNamespaces } from '@andvari/native-io/testing/veth';

export const OUTSIDE_HOSTS = ['198.51.100.1', '198.51.100.2'] as const;
export const ROUTER_HOST = '198.51.100.100';
const INSIDE_HOST = '10.78.0.2';
const ROUTER_INSIDE_HOST = '10.78.0.1';

/** As RFC 5780 has them by their properties, and people by these names. */
export type NatKind = 'full cone' | 'address-restricted' | 'port-restricted' | 'symmetric';

/** The kernel keeps a port that is free, so that masquerading alone is the port-restricted kind. */
const RULES: Readonly<Record<NatKind, (inside: string) => readonly string[]>> = {
  'full cone': (inside) => [
    `add rule ip bed come iifname out meta l4proto udp dnat to ${inside}`,
    'add rule ip bed go oifname out masquerade',
  ],
  'address-restricted': (inside) => [
    'add set ip bed met { type ipv4_addr; flags dynamic,timeout; timeout 60s; }',
    `add rule ip bed come iifname out ip saddr @met meta l4proto udp dnat to ${inside}`,
    'add rule ip bed go oifname out update @met { ip daddr }',
    'add rule ip bed go oifname out masquerade',
  ],
  'port-restricted': () => ['add rule ip bed go oifname out masquerade'],
  symmetric: () => ['add rule ip bed go oifname out masquerade fully-random'],
};

/**
 * Packets from inside to the router's own outer address go back in, to whoever has sent from that
 * port, and look as if they came from outside (RFC 4787, REQ-9).
 */
const hairpinOf = (outer: string): readonly string[] => [
  'add set ip bed inside { type ipv4_addr; flags dynamic,timeout; timeout 60s; }',
  'add map ip bed senders { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 60s; }',
  'insert rule ip bed go oifname out meta l4proto udp update @senders { udp sport : ip saddr }',
  'insert rule ip bed go oifname out update @inside { ip saddr }',
  `add rule ip bed come iifname in ip daddr ${outer} dnat to udp dport map @senders`,
  `add rule ip bed go oifname in ip saddr @inside snat to ${outer}`,
];

/** Why there is no such network here; undefined: there is one. */
export function whyNoNatBed(): string | undefined {
  const hasNft = spawnSync('nft', ['-V']).error === undefined;
  const why = whyNoNamespaces() ?? (hasNft ? undefined : 'no `nft` (nftables)');
  return unlessRequired('a NAT', why);
}

export interface NatOptions {
  kind: NatKind;
  /** To whom it lets strangers' packets in, if it does [10.78.0.2]. */
  inside?: string;
  /** Its outer address, if it turns packets around that go there from inside [it does not]. */
  hairpin?: string | undefined;
}

/**
 * Makes a router, which has the interfaces `out` and `in`, a NAT, for what has no mapping yet. It
 * answers strangers nothing, as routers do: a packet that comes too early leaves no trace by which
 * another port would be taken for what goes out next.
 */
export function makeNat(router: string, { kind, inside = INSIDE_HOST, hairpin }: NatOptions): void {
  const commands = [
    'add table ip bed',
    'delete table ip bed',
    'add table ip bed',
    'add chain ip bed come { type nat hook prerouting priority -100; }',
    'add chain ip bed go { type nat hook postrouting priority 100; }',
    'add chain ip bed guard { type filter hook input priority 0; }',
    'add rule ip bed guard iifname out ct state new drop',
    ...RULES[kind](inside),
    ...(hairpin === undefined ? [] : hairpinOf(hairpin)),
  ];
  for (const command of commands) ip('netns', 'exec', router, 'nft', ...command.split(' '));
}

let made = 0;

export class NatBed {
  /** Names of the namespaces. */
  readonly inside: string;
  readonly outside: string;
  readonly #router: string;

  constructor() {
    const id = `${process.pid}-${made++}`;
    this.inside = `and-ni-${id}`;
    this.outside = `and-no-${id}`;
    this.#router = `and-nr-${id}`;
    try {
      this.#make();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** From now on, for what has no mapping yet. */
  behave(kind: NatKind): void {
    makeNat(this.#router, { kind });
  }

  remove(): void {
    for (const name of [this.inside, this.outside, this.#router]) {
      spawnSync('ip', ['netns', 'del', name]);
    }
  }

  #make(): void {
    for (const name of [this.inside, this.outside, this.#router]) ip('netns', 'add', name);
    this.#join('in', this.inside, [INSIDE_HOST], ROUTER_INSIDE_HOST);
    this.#join('out', this.outside, OUTSIDE_HOSTS, ROUTER_HOST);
    ip('-n', this.inside, 'route', 'add', 'default', 'via', ROUTER_INSIDE_HOST);
    const forward = 'echo 1 > /proc/sys/net/ipv4/ip_forward';
    ip('netns', 'exec', this.#router, 'sh', '-c', forward);
  }

  /** A pair of interfaces between the router and one of its sides. */
  #join(name: string, side: string, hosts: readonly string[], routerHost: string): void {
    const pair = ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth', 'netns', side];
    ip('-n', this.#router, ...pair);
    const give = (namespace: string, dev: string, host: string) =>
      ip('-n', namespace, 'addr', 'add', `${host}/24`, 'dev', dev);
    give(this.#router, name, routerHost);
    for (const host of hosts) give(side, 'eth', host);
    for (const dev of ['lo', 'eth']) ip('-n', side, 'link', 'set', dev, 'up');
    for (const dev of ['lo', name]) ip('-n', this.#router, 'link', 'set', dev, 'up');
  }
}
