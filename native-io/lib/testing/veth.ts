/**
 * Two network namespaces joined by a pair of virtual interfaces: `vs` (10.77.0.1, fd77::1) in the
 * server's, `vc` (10.77.0.2, fd77::2) in the client's. Nothing outside of them is touched.
 */
import { spawnSync } from 'node:child_process';
import { isIPv6 } from 'node:net';
import { whyNoTestModule } from './test-module.ts';

export const SERVER_IP = '10.77.0.1';
export const CLIENT_IP = '10.77.0.2';
export const SERVER_IP6 = 'fd77::1';
export const CLIENT_IP6 = 'fd77::2';

/**
 * Why the tests of AF_XDP cannot run here; undefined: they can. Throws instead when
 * ANDVARI_REQUIRE_NATIVE=1 says that they must run, as in continuous integration.
 */
export function whyNoXdp(): string | undefined {
  return unlessRequired('AF_XDP', whyNoTestModule() ?? whyNoNamespaces());
}

/** Why something cannot be tested, or an error if it must be. */
export function unlessRequired(what: string, why: string | undefined): string | undefined {
  if (why === undefined || process.env['ANDVARI_REQUIRE_NATIVE'] !== '1') return why;
  throw new Error(`ANDVARI_REQUIRE_NATIVE=1, but ${what} cannot be tested here: ${why}`);
}

/** Why no Veth can be made here; undefined: it can. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  if (spawnSync('ip', ['-V']).status !== 0) return 'no `ip` (iproute2)';
  const name = `and-t-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]);
  if (made.status !== 0) return `no network namespaces: ${made.stderr.toString().trim()}`;
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}

export function ip(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('ip', args);
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.toString().trim()}`);
  return stdout.toString();
}

/** Lets an interface send no more than that; `limit` waits, the rest is lost. */
export function shape(namespace: string, name: string, megabits: number, limit: string): boolean {
  const rate = ['root', 'tbf', 'rate', `${megabits}mbit`, 'burst', '100k', 'limit', limit];
  const command = ['netns', 'exec', namespace, 'tc', 'qdisc', 'replace', 'dev', name];
  return spawnSync('ip', [...command, ...rate]).status === 0;
}

export interface VethOptions {
  /** Receive and transmit queues of each end [1]. */
  queues?: number;
  mtu?: number;
  /** IPv4 addresses that the client's end has, CLIENT_IP the first of them [1]. */
  clients?: number;
}

/** The `index`th address of the client's end. */
function clientIp(index: number): string {
  return `10.77.0.${2 + index}`;
}

let made = 0;

export class Veth {
  /** Names of the namespaces. */
  readonly server: string;
  readonly client: string;
  readonly serverInterface = 'vs';
  readonly clientInterface = 'vc';

  constructor(options: VethOptions = {}) {
    const id = `${process.pid}-${made++}`;
    this.server = `and-s-${id}`;
    this.client = `and-c-${id}`;
    this.orNothing(() => this.#make(options));
  }

  /** What is begun and fails leaves no namespace behind. */
  protected orNothing(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #make({ queues = 1, mtu = 1500, clients = 1 }: VethOptions): void {
    ip('netns', 'add', this.server);
    ip('netns', 'add', this.client);
    const size = ['numtxqueues', String(queues), 'numrxqueues', String(queues)];
    ip(
      ...['-n', this.server, 'link', 'add', 'vs', 'mtu', String(mtu), ...size, 'type', 'veth'],
      ...['peer', 'name', 'vc', 'netns', this.client, 'mtu', String(mtu), ...size],
    );
    this.#addresses(this.server, 'vs', [SERVER_IP, SERVER_IP6]);
    const clientIps = [...Array(clients).keys()].map(clientIp);
    this.#addresses(this.client, 'vc', [...clientIps, CLIENT_IP6]);
    // No packet meets an unanswered neighbour request: both ends know each other.
    this.#neighbours(this.server, 'vs', [...clientIps, CLIENT_IP6], this.macOf(this.client, 'vc'));
    this.#neighbours(this.client, 'vc', [SERVER_IP, SERVER_IP6], this.macOf(this.server, 'vs'));
  }

  macOf(namespace: string, name: string): string {
    return /link\/ether (\S+)/.exec(ip('-n', namespace, 'link', 'show', name))?.[1] ?? '';
  }

  /** What `ip link` says of the server's interface; names an XDP program while one is there. */
  serverLink(): string {
    return ip('-n', this.server, '-d', 'link', 'show', 'vs');
  }

  /** Lets the server's end send no more than that; the rest waits. False: this kernel cannot. */
  slowDown(megabits: number): boolean {
    return shape(this.server, 'vs', megabits, '100mb');
  }

  /** Both ends go with their namespaces. */
  remove(): void {
    for (const name of [this.server, this.client]) spawnSync('ip', ['netns', 'del', name]);
  }

  #addresses(namespace: string, name: string, addresses: string[]): void {
    for (const address of addresses) {
      // nodad: the address can be used at once.
      const network = isIPv6(address) ? [`${address}/64`, 'nodad'] : [`${address}/24`];
      ip('-n', namespace, 'addr', 'add', 'dev', name, ...network);
    }
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', name, 'up');
  }

  #neighbours(namespace: string, name: string, addresses: string[], mac: string): void {
    for (const address of addresses) {
      ip('-n', namespace, 'neigh', 'replace', address, 'lladdr', mac, 'dev', name);
    }
  }
}
