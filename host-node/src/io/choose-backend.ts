/** Which way into the kernel a node takes, and why not a better one. */
import { loadNative, type NativeAddon } from '@andvari/native-io';

export const backends = ['auto', 'portable', 'mmsg', 'io_uring', 'af_xdp'] as const;
export type WantedBackend = (typeof backends)[number];
/** Those that a node of transfer may have. */
export const datagramBackends = ['auto', 'portable', 'mmsg', 'af_xdp'] as const;
export type DatagramBackend = (typeof datagramBackends)[number];
export type Backend = Exclude<WantedBackend, 'auto'>;

export interface IoOptions {
  backend: WantedBackend;
  /** Threads that answer datagrams; 0: one for each core, 1: the main thread [1]. */
  workers?: number;
  /** For af_xdp, which `auto` takes only with it. */
  interface?: string;
  /** Queues of the interface, one for each worker, from 0 [as many as there are workers]. */
  queues?: number;
  /** io_uring: microseconds to look for datagrams before sleeping [0]. */
  busyPollUs?: number;
  /** io_uring: a thread of the kernel takes the replies [false]. */
  sqpoll?: boolean;
}

/** A backend that was asked for by its name and cannot be had. */
export class BackendError extends Error {
  readonly code: string;
  readonly why: string;
  override readonly name = 'BackendError';

  constructor(backend: string, why: string, code = 'ANDVARI_IO_UNSUPPORTED') {
    super(`io.backend "${backend}" cannot be used: ${why}`);
    this.code = code;
    this.why = why;
  }
}

/** `better`: for the backends that `auto` would have preferred, why they were not taken. */
export interface BackendChoice {
  backend: Backend;
  better: readonly string[];
}

/** Why a backend cannot be used here; '' when it can. */
export function whyNotBackend(options: IoOptions & { backend: Backend }): string {
  return obstacle(options.backend, loadNative(), options).why;
}

interface Obstacle {
  /** '' when there is none. */
  why: string;
  code: string;
}

function obstacle(
  backend: Backend,
  addon: NativeAddon | { missing: string },
  { interface: name }: IoOptions,
): Obstacle {
  const code = 'ANDVARI_IO_UNSUPPORTED';
  if (backend === 'portable') return { why: '', code: '' };
  if ('missing' in addon) return { why: addon.missing, code };
  const { mmsg, uring, xdp, bpf } = addon.probe();
  if (backend === 'mmsg') return mmsg;
  if (backend === 'io_uring') return uring;
  if (name === undefined) return { why: 'no io.interface is configured', code };
  // What the program leaves to the kernel's socket comes by mmsg.
  return [xdp, bpf].find(({ why }) => why !== '') ?? mmsg;
}

/**
 * The backends that may be tried, the best first; portable is always the last of `auto`. Throws
 * BackendError when one was asked for by its name and is not there.
 */
export function chooseBackends(options: IoOptions): BackendChoice[] {
  const { backend: wanted } = options;
  if (wanted === 'portable') return [{ backend: 'portable', better: [] }];
  const addon = loadNative();
  if (wanted !== 'auto') {
    const { why, code } = obstacle(wanted, addon, options);
    if (why) throw new BackendError(wanted, why, code);
    return [{ backend: wanted, better: [] }];
  }
  if ('missing' in addon) return [{ backend: 'portable', better: [addon.missing] }];
  const choices: BackendChoice[] = [];
  const better: string[] = [];
  for (const backend of ['af_xdp', 'io_uring', 'mmsg', 'portable'] as const) {
    const { why } = obstacle(backend, addon, options);
    if (why) better.push(`${backend}: ${why}`);
    else choices.push({ backend, better: [...better] });
  }
  return choices;
}

/** Frames of 4 KiB of an instance: 17 make one buffer of io_uring; portable copies out at once. */
export function framesFor(backend: Backend): number {
  return { portable: 512, mmsg: 1024, io_uring: 17 * 256, af_xdp: 4096 }[backend];
}
