/** UDP and TCP of one server on one port. TCP goes by node:net; UDP as the node is configured. */
import { type PacketIo, PortInUseError, type SocketAddress } from './packet-io.ts';
import { PortableUdp } from './portable-udp.ts';
import { type StreamSink, TcpListener, type TcpOptions } from './tcp.ts';

/** With port 0 the kernel chooses TCP's port, and UDP may find it taken: then both start again. */
const TRIES_MAX = 16;

export class PortableIo {
  readonly #options: TcpOptions;
  readonly #makeUdp: () => PacketIo;
  #udp: PacketIo;
  #tcp: TcpListener;

  constructor(options: TcpOptions = {}, makeUdp: () => PacketIo = () => new PortableUdp()) {
    this.#options = options;
    this.#makeUdp = makeUdp;
    this.#udp = makeUdp();
    this.#tcp = new TcpListener(options);
  }

  /** `portable`, ... as in the configuration. */
  get backend(): string {
    return this.#udp.backend;
  }
  get received(): number {
    return this.#udp.received;
  }
  /** Datagrams that found no room. */
  get dropped(): number {
    return this.#udp.dropped;
  }
  get connections(): number {
    return this.#tcp.connections;
  }

  /**
   * Binds both to `address`, port 0: any one port. Rejects with PortInUseError or AddressError;
   * nothing is then left open.
   */
  async open(address: SocketAddress, sink: StreamSink): Promise<SocketAddress> {
    for (let tries = 1; ; tries++) {
      const bound = await this.#tcp.open(address, sink);
      try {
        // The address itself, so that a name means the same host for both.
        await this.#udp.open(bound, sink);
        return bound;
      } catch (error) {
        await this.close();
        const again = address.port === 0 && error instanceof PortInUseError && tries < TRIES_MAX;
        if (!again) throw error;
        this.#tcp = new TcpListener(this.#options);
        this.#udp = this.#makeUdp();
      }
    }
  }

  /** Reads nothing new; replies may still leave. */
  stop(): void {
    this.#tcp.stop();
  }

  async close(): Promise<void> {
    await Promise.all([this.#tcp.close(), this.#udp.close()]);
  }
}
