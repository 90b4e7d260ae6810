/** A worker that echoes by io_uring until it is terminated; it tells its port. */
import { parentPort } from 'node:worker_threads';
import { loadNative } from '../index.ts';
import { RingEngine } from './ring-engine.ts';

const native = loadNative();
if ('missing' in native) throw new Error(native.missing);
const engine = new RingEngine({ shared: true, frameCount: 600 });
const socket = native.openUring({ ...engine.port, host: '127.0.0.1', port: 0 });
socket.watch(() => engine.serve(socket));
parentPort?.postMessage(socket.port);
