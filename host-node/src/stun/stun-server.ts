/**
 * A STUN server (RFC 8489, RFC 5780): tells whoever asks from which address it is seen. With a
 * second address it answers from there too, by which a NAT can be told from another.
 */
import { isIPv6 } from 'node:net';
import { TokenBucket } from '@andvari/host-common/token-bucket';
import { isWildcard } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { UdpSocket } from '../io/udp-socket.ts';
import { answerBinding, type StunReply } from './binding-server.ts';

/** Answers a second, to all together: some 2 MB. */
const ANSWERS_PER_SECOND = 20_000;
/** Answers that may wait for the kernel. */
const ARENA_BYTES = 256 * 1024;

export interface StunServerOptions {
  /** Where it is asked; port 0: any. */
  listen: SocketAddress;
  /** A second address of this machine, of another host and port; then neither is a wildcard. */
  other?: SocketAddress | undefined;
  /** Short-term credentials: passwords by user name. Whoever has none is refused. [anybody] */
  credentials?: ReadonlyMap<string, string> | undefined;
  answersPerSecond?: number;
  /** Milliseconds of a clock that never goes back, for tests. */
  nowMs?: () => number;
}

const OTHER_PORT = 1;
const OTHER_HOST = 2;

export class StunServer {
  /** Requests that were answered, refused, beyond what is answered in a second, and all else. */
  readonly counts = { answered: 0, refused: 0, limited: 0, ignored: 0 };
  readonly #sockets: readonly UdpSocket[];
  readonly #keys: ReadonlyMap<string, Uint8Array> | undefined;
  readonly #budget: TokenBucket;
  readonly #nowMs: () => number;

  /** @throws PortInUseError, AddressError; RangeError: the two addresses do not fit together */
  static async open(options: StunServerOptions): Promise<StunServer> {
    const { listen, other } = options;
    if (other) checkOther(listen, other);
    const sockets: UdpSocket[] = [];
    try {
      sockets.push(await bind(listen));
      if (other) {
        const { port } = (sockets[0] as UdpSocket).bound;
        sockets.push(await bind({ host: listen.host, port: other.port }));
        sockets.push(await bind({ host: other.host, port }));
        const otherPort = (sockets[OTHER_PORT] as UdpSocket).bound.port;
        sockets.push(await bind({ host: other.host, port: otherPort }));
      }
    } catch (error) {
      for (const socket of sockets) await socket.close();
      throw error;
    }
    return new StunServer(sockets, options);
  }

  private constructor(sockets: readonly UdpSocket[], options: StunServerOptions) {
    const { credentials, answersPerSecond = ANSWERS_PER_SECOND } = options;
    this.#sockets = sockets;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#budget = new TokenBucket(answersPerSecond, answersPerSecond, this.#nowMs());
    this.#keys = credentials && keysOf(credentials);
    sockets.forEach((socket, at) => {
      socket.onMessage((bytes, { address, port }) => {
        this.#receive(bytes, { host: address, port }, at);
      });
    });
  }

  get address(): SocketAddress {
    return (this.#sockets[0] as UdpSocket).bound;
  }

  /** Undefined: it has one address. */
  get other(): SocketAddress | undefined {
    return this.#sockets[OTHER_HOST + OTHER_PORT]?.bound;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) await socket.close();
  }

  #receive(bytes: Uint8Array, from: SocketAddress, at: number): void {
    if (!this.#budget.take(this.#nowMs())) {
      this.counts.limited++;
      return;
    }
    const own = (this.#sockets[at] as UdpSocket).bound;
    const other = this.#sockets[at ^ (OTHER_HOST + OTHER_PORT)]?.bound;
    const seen = { host: plainHost(from.host), port: from.port };
    const reply = answerBinding(bytes, seen, { own, other }, this.#keys);
    if (!reply) {
      this.counts.ignored++;
      return;
    }
    this.counts[reply.isRefusal ? 'refused' : 'answered']++;
    this.#sockets[at ^ changeOf(reply)]?.send(reply.bytes, reply.port, from.host);
  }
}

function changeOf({ changesHost, changesPort }: StunReply): number {
  return (changesHost ? OTHER_HOST : 0) | (changesPort ? OTHER_PORT : 0);
}

function bind(address: SocketAddress): Promise<UdpSocket> {
  return UdpSocket.bind(address, { arenaBytes: ARENA_BYTES });
}

function keysOf(credentials: ReadonlyMap<string, string>): ReadonlyMap<string, Uint8Array> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  return new Map([...credentials].map(([name, password]) => [name, bytes(password)]));
}

/** A socket of `::` has IPv4 mapped into IPv6. */
function plainHost(host: string): string {
  return host.replace(/^::ffff:(?=\d+\.)/i, '');
}

function checkOther(listen: SocketAddress, other: SocketAddress): void {
  const isOneFamily = isIPv6(listen.host) === isIPv6(other.host);
  if (isWildcard(listen.host) || isWildcard(other.host)) {
    throw new RangeError('a STUN server of two addresses wants both by themselves, not a wildcard');
  }
  if (!isOneFamily || listen.host === other.host) {
    throw new RangeError('a STUN server wants two different addresses of one family');
  }
  if (listen.port === other.port) throw new RangeError('a STUN server wants two different ports');
}
