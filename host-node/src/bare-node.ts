/** A node without a RAIDA server: HTTP for whoever watches it, and Ratatoskr if that is wanted. */
import { Registry } from 'prom-client';
import { HttpServer, type Readiness } from './http/http-server.ts';
import { formatAddress } from './http/socket-address.ts';
import type { Logger } from './log/logger.ts';
import type { NodeAddresses, NodeOptions } from './node.ts';
import { RatatoskrEndpoint } from './ratatoskr/endpoint.ts';

export type BareNodeOptions = Pick<NodeOptions, 'ratatoskr'> & Required<Pick<NodeOptions, 'http'>>;

export class BareNode {
  readonly #registry = new Registry();
  readonly #http: HttpServer;
  readonly #logger: Logger;
  #ratatoskr: RatatoskrEndpoint | undefined;
  #addresses: Omit<NodeAddresses, 'raida'> = {};
  #closing: Promise<void> | undefined;

  private constructor({ http, ratatoskr }: BareNodeOptions, logger: Logger) {
    this.#logger = logger;
    this.#http = new HttpServer({
      ...http,
      readiness: () => this.readiness,
      registry: this.#registry,
      logger,
      ...(ratatoskr && {
        ratatoskr: {
          origins: ratatoskr.origins ?? [],
          describe: (host) => this.#ratatoskr?.describe(host),
        },
      }),
    });
  }

  /**
   * All of it, or nothing.
   * @throws PortInUseError, AddressError (host-node/src/io/packet-io.ts), and what
   *     RatatoskrEndpoint.start() does
   */
  static async start(options: BareNodeOptions, logger: Logger): Promise<BareNode> {
    const node = new BareNode(options, logger);
    try {
      await node.#open(options);
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  /** Where the node listens, with the ports that it was given. */
  get addresses(): Omit<NodeAddresses, 'raida'> {
    return this.#addresses;
  }

  get readiness(): Readiness {
    if (this.#closing !== undefined) return { ready: false, reason: 'the node stops' };
    const trouble = this.#ratatoskr?.trouble;
    return trouble === undefined ? { ready: true } : { ready: false, reason: trouble };
  }

  /** Its Ratatoskr endpoint, if it has one. */
  get ratatoskr(): RatatoskrEndpoint | undefined {
    return this.#ratatoskr;
  }

  /** What runs beside it has a place in its /metrics too. */
  addMetrics(register: (registry: Registry) => void): void {
    register(this.#registry);
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #open({ ratatoskr: options }: BareNodeOptions): Promise<void> {
    const http = await this.#http.open();
    if (options) {
      const around = { logger: this.#logger, registry: this.#registry };
      this.#ratatoskr = await RatatoskrEndpoint.start(options, around);
    }
    const ratatoskr = this.#ratatoskr?.address;
    this.#addresses = { http, ...(ratatoskr ? { ratatoskr } : {}) };
    const listening = Object.entries(this.#addresses).map(([name, at]) => [
      name,
      formatAddress(at),
    ]);
    this.#logger.info(Object.fromEntries(listening), 'listening');
  }

  async #stop(): Promise<void> {
    this.#http.stop();
    await this.#ratatoskr?.close();
    await this.#http.close();
  }
}
