/**
 * A thread that echoes until it ends: by itself after `lifeMs`, by an exception in the socket's
 * callback, or because it is terminated. It tells its port.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadNative } from '../index.ts';
import { RingEngine } from './ring-engine.ts';

export interface EchoWorkerData {
  end: 'terminated' | 'returns' | 'throws' | 'exits';
  shared: boolean;
}

const { end, shared } = workerData as EchoWorkerData;
const native = loadNative();
if ('missing' in native) throw new Error(native.missing);
const engine = new RingEngine({ shared });
const socket = native.openMmsg({ ...engine.port, host: '127.0.0.1', port: 0 });
let echoed = 0;
socket.watch(() => {
  echoed += engine.serve(socket);
  if (echoed < 50) return;
  if (end === 'throws') throw new Error('thrown in the callback');
  if (end === 'exits') process.exit(3);
  if (end === 'returns') socket.close();
});
parentPort?.postMessage(socket.port);
