/** Makes and uses functions of the addon until its thread is ended (crypt.test.ts). */
import { parentPort } from 'node:worker_threads';
import { cryptAddon } from './crypt-addon.ts';

const addon = cryptAddon();
parentPort?.postMessage('up');
for (;;) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const ctr = addon?.cryptCtr(memory);
  addon?.cryptCtrBatch(memory);
  for (let i = 0; i < 100; i++) ctr?.(0, 16, 16, 64, 64, 600 * i);
}
