/** A pair of interfaces that does what networks do to people: it loses, is slow, or goes away. */
import { spawnSync } from 'node:child_process';
import { CLIENT_IP, ip, shape, unlessRequired, Veth, whyNoNamespaces } from './veth.ts';

/** What the client's end gets when it loses CLIENT_IP. */
export const NEXT_CLIENT_IP = '10.77.0.200';

/** What a slow end keeps: 80 ms at 50 Mbit/s, as a router at home may. */
const QUEUE = '500k';
/** Of this many packets the share of those that are lost is a whole number. */
const SHARE_OF = 1000;
const TABLE = 'poor';

/**
 * Why there is no poor network here; undefined: there is one. ANDVARI_REQUIRE_NATIVE=1 makes an
 * error of what a package would bring, not of a kernel without these parts.
 */
export function whyNoPoorVeth(): string | undefined {
  return unlessRequired('a poor network', whyNoNamespaces() ?? whyNoCommand()) ?? whyNoFaults();
}

function whyNoCommand(): string | undefined {
  for (const [command, from] of [
    ['nft', 'nftables'],
    ['tc', 'iproute2'],
  ] as const) {
    if (spawnSync(command, ['-V']).status !== 0) return `no \`${command}\` (${from})`;
  }
  return undefined;
}

function whyNoFaults(): string | undefined {
  let veth: PoorVeth | undefined;
  try {
    veth = new PoorVeth();
    veth.lose(0.01);
    veth.limit(50);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    veth?.remove();
  }
}

export class PoorVeth extends Veth {
  constructor() {
    super();
    this.orNothing(() => {
      for (const [namespace, name] of this.#ends()) {
        // What the kernel would hand on as one message is lost, and waits, packet by packet.
        ip('-n', namespace, 'link', 'set', name, 'gso_max_segs', '1');
      }
      // Else the second address of a network goes with the first.
      const promote = 'echo 1 > /proc/sys/net/ipv4/conf/all/promote_secondaries';
      ip('netns', 'exec', this.client, 'sh', '-c', promote);
    });
  }

  /** Of what comes to either end, this share (0 to 1) is lost, each packet by itself. */
  lose(share: number): void {
    const some = ['numgen', 'random', 'mod', String(SHARE_OF), '<', String(share * SHARE_OF)];
    const which = share === 1 ? [] : some;
    for (const [namespace, name] of this.#ends()) {
      const nft = (...words: string[]) => ip('netns', 'exec', namespace, 'nft', ...words);
      nft('add', 'table', 'inet', TABLE);
      nft('delete', 'table', 'inet', TABLE);
      nft('add', 'table', 'inet', TABLE);
      const hook = '{ type filter hook input priority 0; }';
      nft('add', 'chain', 'inet', TABLE, 'come', hook);
      nft('add', 'rule', 'inet', TABLE, 'come', 'iifname', name, ...which, 'counter', 'drop');
    }
  }

  /** Packets that lose() has taken so far, at the server's end and at the client's. */
  lost(): number[] {
    return this.#ends().map(([namespace]) => {
      const rules = ip('netns', 'exec', namespace, 'nft', 'list', 'table', 'inet', TABLE);
      return Number(/counter packets (\d+)/.exec(rules)?.[1]);
    });
  }

  /** Both ends send no more than that; what finds no room in a short queue is lost. */
  limit(megabits: number): void {
    for (const [namespace, name] of this.#ends()) {
      if (!shape(namespace, name, megabits, QUEUE)) throw new Error('tc: no tbf in this kernel');
    }
  }

  /** Bytes that have come to the server's end, headers and all. */
  received(): number {
    const [link] = JSON.parse(ip('-n', this.server, '-j', '-s', 'link', 'show', 'vs'));
    return link.stats64.rx.bytes;
  }

  /** Takes an end off the network, or puts it back; its addresses stay. */
  link(end: 'server' | 'client', state: 'up' | 'down'): void {
    const [namespace, name] = end === 'server' ? [this.server, 'vs'] : [this.client, 'vc'];
    ip('-n', namespace, 'link', 'set', name, state);
  }

  addClientAddress(): void {
    ip('-n', this.client, 'addr', 'add', `${NEXT_CLIENT_IP}/24`, 'dev', 'vc');
  }

  removeClientAddress(): void {
    ip('-n', this.client, 'addr', 'del', `${CLIENT_IP}/24`, 'dev', 'vc');
  }

  #ends(): [namespace: string, name: string][] {
    return [
      [this.server, this.serverInterface],
      [this.client, this.clientInterface],
    ];
  }
}
