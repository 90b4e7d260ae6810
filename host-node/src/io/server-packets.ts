/**
 * The datagrams of a server by the way that was chosen: one socket on its main thread, or one in
 * each of its workers. The sink is left alone: every socket feeds an engine itself.
 */

import { FRAME_BYTES } from '@andvari/host-common/engine/generated/limits';
import { loadNative, type XdpAttachment } from '@andvari/native-io';
import type { EngineLoop } from '../raida/engine-loop.ts';
import type { WorkerPool } from '../raida/worker-pool.ts';
import { type Backend, BackendError, type IoOptions } from './choose-backend.ts';
import { type OpenPackets, openPackets, type PacketRequest, refusalOf } from './open-packets.ts';
import type { PacketIo, SocketAddress } from './packet-io.ts';

export interface ServerPacketsOptions {
  io: IoOptions;
  backend: Backend;
  loop: EngineLoop;
  /** Undefined: the main thread answers datagrams. */
  pool: WorkerPool | undefined;
}

export class ServerPackets implements PacketIo {
  readonly #options: ServerPacketsOptions;
  #own: OpenPackets | undefined;
  #attachment: XdpAttachment | undefined;

  constructor(options: ServerPacketsOptions) {
    this.#options = options;
  }

  get backend(): Backend {
    return this.#options.backend;
  }

  /** Of each thread that has a socket. */
  get counts(): { received: number; dropped: number }[] {
    const { pool } = this.#options;
    if (pool) return pool.counts;
    return [{ received: this.#own?.received ?? 0, dropped: this.#own?.dropped ?? 0 }];
  }
  get received(): number {
    return this.counts.reduce((sum, { received }) => sum + received, 0);
  }
  get dropped(): number {
    return this.counts.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /** Rejects with PortInUseError, AddressError or BackendError. */
  async open(address: SocketAddress): Promise<SocketAddress> {
    try {
      return await this.#open(address);
    } catch (error) {
      await this.close();
      throw this.#inAll(error);
    }
  }

  /** The limit of locked memory holds all sockets; the one that met it knows only itself. */
  #inAll(error: unknown): unknown {
    if (!(error instanceof BackendError) || error.code !== 'ANDVARI_IO_MEMLOCK') return error;
    const { backend, loop, pool } = this.#options;
    const sockets = pool?.counts.length ?? 1;
    const mib = Math.ceil((sockets * loop.engine.nativeFrames.count * FRAME_BYTES) / 2 ** 20);
    const all = sockets === 1 ? 'this server wants' : `the ${sockets} sockets of this server want`;
    return new BackendError(backend, `${error.why}; ${all} ${mib} MiB in all`, error.code);
  }

  async close(): Promise<void> {
    await this.#options.pool?.shut();
    await this.#own?.close();
    this.#own = undefined;
    this.#attachment?.close();
    this.#attachment = undefined;
  }

  async #open(address: SocketAddress): Promise<SocketAddress> {
    const { backend, io, loop, pool } = this.#options;
    const request: PacketRequest = {
      ...{ ...address, backend, reusePort: pool !== undefined },
      ...{ busyPollUs: io.busyPollUs, sqpoll: io.sqpoll },
    };
    if (backend === 'af_xdp') this.#attachment = this.#attach(request);
    const xdpOf = (queue: number) =>
      this.#attachment && {
        ...{ interface: io.interface ?? '', queue },
        ...{ mapFd: this.#attachment.mapFd, mode: this.#attachment.mode },
      };
    if (pool) return pool.open((worker) => ({ ...request, xdp: xdpOf(worker - 1) }));
    this.#own = await openPackets({ ...request, xdp: xdpOf(0) }, loop);
    return this.#own.address;
  }

  #attach(request: PacketRequest): XdpAttachment {
    const addon = loadNative();
    const { io } = this.#options;
    if ('missing' in addon) throw new BackendError('af_xdp', addon.missing);
    if (io.interface === undefined) {
      throw new BackendError('af_xdp', 'no io.interface is configured');
    }
    try {
      return addon.attachXdp({
        ...{ interface: io.interface, host: request.host, port: request.port },
        ...(io.queues ? { queues: io.queues } : {}),
      });
    } catch (error) {
      // Also ANDVARI_ADDRESS: what the interface has not, another backend may listen at.
      throw refusalOf(error, 'af_xdp');
    }
  }
}
