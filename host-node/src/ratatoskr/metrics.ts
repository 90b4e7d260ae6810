import { Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import type { AuditLog } from './audit/audit-log.ts';
import type { DeviceRegistry } from './registry.ts';
import type { RatatoskrServer } from './server.ts';
import type { ServiceBus } from './service-bus.ts';

interface Measured {
  /** Upgrades that the WebSocket listener refused, and sockets that gave way before theirs. */
  listener: { readonly refused: number; readonly handshakesCut: number };
  server: RatatoskrServer;
  bus: ServiceBus;
  devices: DeviceRegistry;
  audit: AuditLog;
}

/** Finest around the 10 ms within which 99 of 100 should be. */
const ROUTING_BUCKETS_S = [
  ...[0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.012, 0.015, 0.02, 0.03],
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/**
 * Register all of them, or none; what comes back takes them out again.
 * @throws TypeError: another endpoint has its own there, which would be told as one
 */
export function registerRatatoskrMetrics(registry: Registry, parts: Measured): () => void {
  const metrics = metricsOf(parts).getMetricsAsArray() as unknown as Metric[];
  const names = metrics.map((metric) => (metric as unknown as { name: string }).name);
  const taken = names.find((name) => registry.getSingleMetric(name));
  if (taken !== undefined) {
    throw new TypeError(`registry: wanted one for each endpoint, this one has ${taken} already`);
  }
  for (const metric of metrics) registry.registerMetric(metric);
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
}

/** Labels are our own words alone: no id of a device, no address. */
function metricsOf({ server, bus, devices, audit, listener }: Measured): Registry {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `andvari_ratatoskr_${name}`,
      ...{ help, registers },
      collect() {
        this.set(value());
      },
    });
  gauge('connections', 'Ratatoskr connections open now.', () => server.connections);
  gauge('sessions', 'Of these, those with a session that holds.', () => server.sessions);
  gauge('devices', 'Devices in the registry, revoked ones too.', () => devices.size);
  gauge('calls', 'Requests that services work on now.', () => bus.underWay);
  const routing = new Histogram({
    name: 'andvari_ratatoskr_routing_seconds',
    help: 'From a business request that came whole to its answer, service and disk included.',
    buckets: ROUTING_BUCKETS_S,
    registers,
  });
  server.onRouted = (ms) => routing.observe(ms / 1000);
  new Counter({
    name: 'andvari_ratatoskr_messages_total',
    help: 'Messages by verdict (ok or the error code), and requests delivered.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of server.counts) this.inc({ result }, count);
    },
  });
  new Counter({
    name: 'andvari_ratatoskr_refused_total',
    help: 'WebSocket upgrades refused: another path, or too many connections.',
    registers,
    collect() {
      this.reset();
      this.inc(listener.refused);
    },
  });
  new Counter({
    name: 'andvari_ratatoskr_handshakes_cut_total',
    help: 'Sockets cut before they were WebSockets: others wanted in.',
    registers,
    collect() {
      this.reset();
      this.inc(listener.handshakesCut);
    },
  });
  new Counter({
    name: 'andvari_ratatoskr_audit_lost_total',
    help: 'Audit records that were only counted: too many failures, or a disk that took none.',
    registers,
    collect() {
      this.reset();
      this.inc(audit.lost);
    },
  });
  return registry;
}
