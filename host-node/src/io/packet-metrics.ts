import { Counter, Gauge, type Registry } from 'prom-client';
import type { ServerPackets } from './server-packets.ts';

/** Which way datagrams come, and how many of them, by the thread that takes them. */
export function registerPacketMetrics(registry: Registry, packets: ServerPackets): void {
  const registers = [registry];
  new Gauge({
    name: 'andvari_io_backend',
    help: '1 for the backend that datagrams come by.',
    labelNames: ['backend'],
    registers,
    collect() {
      this.reset();
      this.set({ backend: packets.backend }, 1);
    },
  });
  for (const what of ['received', 'dropped'] as const) {
    new Counter({
      name: `andvari_io_${what}_total`,
      help:
        what === 'received'
          ? 'Datagrams handed to the engine, by worker.'
          : 'Datagrams that found no room, in or out, by worker.',
      labelNames: ['worker'],
      registers,
      collect() {
        this.reset();
        for (const [worker, counts] of packets.counts.entries()) {
          this.inc({ worker }, counts[what]);
        }
      },
    });
  }
}
