// However a thread ends, its sockets end with it: the port is free and the process goes on.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { loadNative } from './index.ts';
import type { EchoWorkerData } from './testing/echo-worker.ts';
import { RingEngine } from './testing/ring-engine.ts';
import { UdpClient } from './testing/udp-client.ts';

const native = loadNative();
const programs = {
  packet: new URL('./testing/echo-worker.ts', import.meta.url),
  datagram: new URL('./testing/datagram-worker.ts', import.meta.url),
};

async function live(
  program: URL,
  workerData: EchoWorkerData,
): Promise<{ port: number; error?: Error }> {
  const worker = new Worker(program, { workerData });
  const [port] = (await once(worker, 'message')) as [number];
  let error: Error | undefined;
  worker.on('error', (thrown) => {
    error = thrown as Error;
  });
  let running = true;
  worker.on('exit', () => {
    running = false;
  });
  const client = await UdpClient.open({ host: '127.0.0.1', port });
  if (workerData.end === 'terminated') {
    setTimeout(() => void worker.terminate(), 5 + Math.random() * 20);
  }
  // Under load until it is gone.
  while (running) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => client.send(`${i}`).catch(() => {})));
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.close();
  return error ? { port, error } : { port };
}

const kinds = ['packet', 'datagram'] as const;
describe.skipIf('missing' in native).each(kinds)('a thread with a %s socket', (kind) => {
  it.each(['terminated', 'returns', 'throws', 'exits'] as const)(
    '%s under load, 5 times',
    { timeout: 120_000 },
    async (end) => {
      for (let i = 0; i < 5; i++) {
        const { port, error } = await live(programs[kind], { end, shared: i % 2 === 0 });
        if (end === 'throws') expect(error?.message).toBe('thrown in the callback');
        else expect(error).toBeUndefined();
        if ('missing' in native) return;
        const engine = new RingEngine();
        // Nobody has the port any more.
        native.openMmsg({ ...engine.port, host: '127.0.0.1', port }).close();
      }
    },
  );
});
