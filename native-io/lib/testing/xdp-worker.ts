/**
 * An echo server over AF_XDP as a thread or a process of its own: it says `ready`, or the error,
 * and serves until it is told to stop, or killed. It attaches the program itself unless it is given
 * a map.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { attachXdp, openXdp, type XdpMode } from '../xdp.ts';
import { RingEngine } from './ring-engine.ts';
import { loadTestModule, loadXdpAddon } from './test-module.ts';

export interface XdpWorkerData {
  /** Network namespace. */
  namespace: string;
  interface: string;
  host: string;
  port: number;
  queue: number;
  /** Of another thread's attachment; left out: it attaches itself. */
  mapFd?: number;
  mode?: XdpMode;
  frameCount?: number;
  /** More sockets on the queues behind it, each with its engine [0]. */
  more?: number;
  /** Numbers of the capabilities that it keeps; left out: all. */
  capabilities?: number[];
}

export type XdpWorkerMessage =
  | { ready: XdpMode }
  | { code: string; message: string; mend: string }
  | { received: number };

const data: XdpWorkerData = workerData ?? JSON.parse(process.argv[2] ?? '{}');
const say = (message: XdpWorkerMessage) =>
  parentPort ? parentPort.postMessage(message) : process.send?.(message);

function start(): void {
  const module = loadTestModule();
  const addon = loadXdpAddon();
  module.enterNamespace(data.namespace);
  if (data.capabilities) module.keepCapabilities(data.capabilities);
  const { host, port, queue, frameCount = 512 } = data;
  const where = { interface: data.interface, host, port };
  const attachment = data.mapFd === undefined ? attachXdp(addon, where) : undefined;
  const mapFd = data.mapFd ?? attachment?.mapFd ?? -1;
  const mode = data.mode ?? attachment?.mode ?? 'generic';
  const engine = new RingEngine({ frameCount });
  const options = { ...engine.port, ...where, queue, mapFd, mode, reusePort: true };
  const socket = openXdp(addon, options);
  socket.watch(() => engine.serve(socket));
  for (let i = 1; i <= (data.more ?? 0); i++) {
    openXdp(addon, { ...options, ...new RingEngine({ frameCount }).port, queue: queue + i });
  }
  parentPort?.on('message', () => {
    say({ received: socket.counters().received });
    socket.close();
    attachment?.close();
    parentPort?.close();
  });
  say({ ready: mode });
}

try {
  start();
} catch (error) {
  const { code = '', message, mend = '' } = error as Error & { code?: string; mend?: string };
  say({ code, message, mend });
}
