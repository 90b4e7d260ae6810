/**
 * A thread that receives datagrams until it ends: by itself, by an exception in the callback, or
 * because it is terminated. It tells its port.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadNative } from '../index.ts';
import type { EchoWorkerData } from './echo-worker.ts';

const PAGE = 65_536;
const { end, shared } = workerData as EchoWorkerData;
const native = loadNative();
if ('missing' in native) throw new Error(native.missing);
const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared });
const socket = native.openDatagrams({
  ...{ memory, incoming: 0, incomingBytes: 2 * PAGE, letters: new Uint8Array(2048) },
  ...{ outgoing: 2 * PAGE, outgoingBytes: PAGE, sent: 3 * PAGE, host: '127.0.0.1', port: 0 },
});
let received = 0;
socket.watch(() => {
  for (let count = socket.receive(); count; count = socket.receive()) received += count;
  if (received < 50) return;
  if (end === 'throws') throw new Error('thrown in the callback');
  if (end === 'exits') process.exit(3);
  if (end === 'returns') socket.close();
});
parentPort?.postMessage(socket.port);
