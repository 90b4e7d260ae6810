/**
 * The native addon (native-io), as far as packets need it. It is optional: a machine without it, or
 * a checkout where it was never built, gets the portable backend.
 */
import type { PacketSocket } from './packet-socket.ts';

/** What was found out by trying; 0: it works. */
export interface Probed {
  errno: number;
  /** Why not, and what mends it, in one sentence. */
  why: string;
}

export interface NativeProbe {
  mmsg: Probed;
  uring: Probed;
  xdp: Probed;
}

/** The place of one engine instance, as the addon takes it (native-io/lib/port-options.ts). */
export interface PortOptions {
  memory: WebAssembly.Memory;
  rx: number;
  ready: number;
  held: number;
  ringEntries: number;
  committed: number;
  frames: number;
  frameCount: number;
  replyLow: number;
  replyEnd: number;
  hashKey: number;
  peers: number;
}

export interface OpenOptions extends PortOptions {
  host: string;
  port: number;
  reusePort?: boolean;
}

export type XdpMode = 'native' | 'generic';

export interface XdpAttachment {
  readonly mapFd: number;
  readonly mode: XdpMode;
  readonly queues: number;
  close(): void;
}

export interface NativeAddon {
  openMmsg?(options: OpenOptions): PacketSocket;
  openUring?(options: OpenOptions & { busyPoll?: number; sqpoll?: boolean }): PacketSocket;
  openXdp?(
    options: OpenOptions & { interface: string; queue: number; mapFd: number; mode: XdpMode },
  ): PacketSocket;
  attachXdp?(options: {
    interface: string;
    host: string;
    port: number;
    queues?: number;
  }): XdpAttachment;
  probe(): NativeProbe;
  /** The calling thread runs on this core from now on. */
  pinThread?(core: number): void;
}

interface NativeModule {
  loadNative(): NativeAddon | { missing: string };
}

/** Not a literal, so that a build without the addon's room compiles. */
const NATIVE_IO: string = '@andvari/native-io';

/** The addon, or in one line why it is missing. */
export async function nativeAddon(): Promise<NativeAddon | { missing: string }> {
  try {
    const { loadNative } = (await import(NATIVE_IO)) as NativeModule;
    return loadNative();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND') return { missing: 'this build has no native addon' };
    return { missing: `the native addon cannot be loaded: ${message.split('\n')[0]}` };
  }
}
