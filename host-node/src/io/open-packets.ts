/**
 * Opens the datagrams of one engine instance: a socket whose messages go through the loop's
 * submit() (portable), or a native one on the instance's own memory.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { Config, Control, Region } from '@andvari/host-common/engine/generated/layout';
import { REPLY_FRAME_BYTES } from '@andvari/host-common/engine/generated/limits';
import {
  loadNative,
  type NativeAddon,
  type PacketSocket,
  type PortOptions,
  type XdpMode,
} from '@andvari/native-io';
import type { EngineLoop } from '../raida/engine-loop.ts';
import { type Backend, BackendError } from './choose-backend.ts';
import { AddressError, PortInUseError, type SocketAddress } from './packet-io.ts';
import { PortableUdp } from './portable-udp.ts';

/** What to open; it travels to workers. */
export interface PacketRequest extends SocketAddress {
  backend: Backend;
  /** Several sockets share the port. */
  reusePort: boolean;
  busyPollUs?: number | undefined;
  sqpoll?: boolean | undefined;
  /** af_xdp: its program is attached by the main thread. */
  xdp?: { interface: string; queue: number; mapFd: number; mode: XdpMode } | undefined;
}

export interface OpenPackets {
  readonly address: SocketAddress;
  /** Datagrams handed to the engine, and those that found no room, in or out. */
  readonly received: number;
  readonly dropped: number;
  close(): Promise<void>;
}

/** Requests that a native socket may have under way, at the most. */
const PEERS_MAX = 65_536;

/** Rejects with PortInUseError, AddressError or BackendError; nothing is then left open. */
export async function openPackets(request: PacketRequest, loop: EngineLoop): Promise<OpenPackets> {
  const { backend, host, port, reusePort } = request;
  if (backend === 'portable') {
    const udp = new PortableUdp({ reusePort });
    const address = await udp.open({ host, port }, loop);
    return {
      address,
      get received() {
        return udp.received;
      },
      get dropped() {
        return udp.dropped;
      },
      close: () => udp.close(),
    };
  }
  const addon = loadNative();
  if ('missing' in addon) throw new BackendError(backend, addon.missing);
  const socket = openNative(addon, request, loop.engine);
  loop.attach(socket);
  return {
    address: { host: socket.host, port: socket.port },
    get received() {
      return socket.counters().received;
    },
    get dropped() {
      return socket.counters().dropped;
    },
    close: () => Promise.resolve(loop.detach()),
  };
}

/** A socket of the addon on an instance's memory. Throws as openPackets() rejects. */
export function openNative(
  addon: NativeAddon,
  request: PacketRequest,
  engine: Engine,
): PacketSocket {
  const { backend, host, port, reusePort, busyPollUs, sqpoll, xdp } = request;
  const options = { ...portOptions(engine), host, port, reusePort };
  let socket: PacketSocket | undefined;
  try {
    if (backend === 'mmsg') socket = addon.openMmsg(options);
    else if (backend === 'io_uring') {
      socket = addon.openUring({
        ...options,
        ...(busyPollUs ? { busyPoll: busyPollUs } : {}),
        ...(sqpoll ? { sqpoll } : {}),
      });
    } else if (xdp) socket = addon.openXdp({ ...options, ...xdp, reusePort: true });
  } catch (error) {
    throw nativeError(error, request);
  }
  if (!socket) throw new BackendError(backend, 'this build has it not');
  return socket;
}

/** An error of the addon as the one that every backend gives for the same cause. */
export function nativeError(
  error: unknown,
  { backend, host, port }: Pick<PacketRequest, 'backend' | 'host' | 'port'>,
): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ANDVARI_PORT_IN_USE') return new PortInUseError('UDP', { host, port }, error);
  if (code === 'ANDVARI_ADDRESS') return new AddressError('UDP', { host, port }, error);
  return refusalOf(error, backend);
}

/** Why the addon refuses a backend, whatever the reason; what is no refusal stays as it is. */
export function refusalOf(error: unknown, backend: Backend): Error {
  const { code = '', message, mend = '' } = error as Error & { code?: string; mend?: string };
  if (!code.startsWith('ANDVARI_')) return error as Error;
  return new BackendError(backend, mend ? `${message} (${mend})` : message, code);
}

/** The place of an instance, as a native socket is told it. */
function portOptions(engine: Engine): PortOptions {
  const { memory, rx, nativeFrames } = engine;
  const config = engine.exports.configBlock() >>> 0;
  const count = (index: number) => engine.u32[(config >>> 2) + index] ?? 0;
  const replyBytes = count(Config.REPLY_FRAMES) * REPLY_FRAME_BYTES;
  return {
    memory,
    rx: engine.region(Region.RX),
    ready: engine.region(Region.READY),
    held: engine.region(Region.HELD),
    ringEntries: rx.entries,
    committed: engine.region(Region.CONTROL) + Control.COMMITTED,
    frames: nativeFrames.offset,
    frameCount: nativeFrames.count,
    replyLow: engine.region(Region.READY_SLOTS),
    replyEnd: engine.region(Region.REPLY_FRAMES) + replyBytes,
    largeFrames: engine.region(Region.LARGE_FRAMES),
    largeFrameCount: count(Config.LARGE_FRAMES),
    hashKey: config + 4 * Config.HASH_KEY,
    peers: Math.min(4 * rx.entries, PEERS_MAX),
  };
}
