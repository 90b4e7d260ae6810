/** An echo server over AF_XDP in the server's namespace of a Veth, and a client in the other. */
import type { OpenXdpOptions, XdpAttachment, XdpMode, XdpSocket } from '../xdp.ts';
import { attachXdp, openXdp } from '../xdp.ts';
import { RingEngine, type RingEngineOptions } from './ring-engine.ts';
import { loadTestModule, loadXdpAddon } from './test-module.ts';
import { CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, type Veth } from './veth.ts';

export const PORT = 25000;

export interface XdpServerOptions {
  host?: string;
  mode?: XdpMode | 'auto';
  cidPrefixes?: boolean;
  queue?: number;
  ring?: number;
  engine?: RingEngineOptions;
}

/** One queue, in the calling thread; serve() has to be called. */
export class XdpServer {
  readonly engine: RingEngine;
  readonly attachment: XdpAttachment;
  readonly socket: XdpSocket;

  constructor(veth: Veth, options: XdpServerOptions = {}) {
    const { host = '0.0.0.0', mode = 'auto', cidPrefixes = false, queue = 0 } = options;
    const addon = loadXdpAddon();
    const where = { interface: veth.serverInterface, host, port: PORT };
    this.engine = new RingEngine(options.engine);
    this.attachment = loadTestModule().inNamespace(veth.server, () =>
      attachXdp(addon, { ...where, mode, cidPrefixes }),
    );
    const { mapFd, mode: got } = this.attachment;
    const own = { queue, mapFd, mode: got, ...(options.ring && { ring: options.ring }) };
    const all: OpenXdpOptions = { ...this.engine.port, ...where, reusePort: true, ...own };
    try {
      this.socket = loadTestModule().inNamespace(veth.server, () => openXdp(addon, all));
    } catch (error) {
      this.attachment.close();
      throw error;
    }
  }

  /** Echoes what has come; gives how many. */
  serve(): number {
    return this.engine.serve(this.socket);
  }

  close(): void {
    this.socket.close();
    this.attachment.close();
  }
}

/** A UDP socket that hears the server's answers from the address that it asked, and no others. */
export class Client {
  readonly #module = loadTestModule();
  readonly #socket: number;
  readonly #host: string;
  readonly #port: number;

  constructor(veth: Veth, { v6 = false, port = PORT } = {}) {
    this.#host = v6 ? SERVER_IP6 : SERVER_IP;
    this.#port = port;
    this.#socket = this.#module.inNamespace(veth.client, () => {
      const socket = this.#module.openUdpSocket(v6 ? CLIENT_IP6 : CLIENT_IP, 0);
      this.#module.connectTo(socket, this.#host, port);
      return socket;
    });
  }

  send(bytes: Uint8Array): void {
    this.#module.sendTo(this.#socket, bytes, this.#host, this.#port);
  }

  receive(timeoutMs = 1000): Uint8Array | undefined {
    return this.#module.receive(this.#socket, timeoutMs);
  }

  /** Sends, lets the server echo, and gives what comes back. */
  ask(server: XdpServer, bytes: Uint8Array, timeoutMs = 1000): Uint8Array | undefined {
    this.send(bytes);
    for (let waitedMs = 0; waitedMs <= timeoutMs; waitedMs += STEP_MS) {
      server.serve();
      const answer = this.receive(STEP_MS);
      if (answer) return answer;
    }
    return undefined;
  }

  close(): void {
    this.#module.closeSocket(this.#socket);
  }
}

/** The kernel delivers within a softirq; this is for a machine that is busy. */
const STEP_MS = 5;
