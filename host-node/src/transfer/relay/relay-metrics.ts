import { Counter, Gauge, type Registry } from 'prom-client';
import type { StunServer } from '../../stun/stun-server.ts';
import type { RelayServer } from './relay-server.ts';

/** Labels are our own words alone: no key, no address. */
export function registerRelayMetrics(
  registry: Registry,
  relay: RelayServer,
  stun?: StunServer,
): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `andvari_relay_${name}`,
      ...{ help, registers },
      collect() {
        this.set(value());
      },
    });
  gauge('connections', 'Clients connected now, those without a key too.', () => relay.clients);
  gauge('subscriptions', 'Keys that can be sent to now.', () => relay.subscriptions);
  for (const what of ['frames', 'bytes'] as const) {
    new Counter({
      name: `andvari_relay_${what}_total`,
      help: `What clients sent, in ${what}, by what became of it.`,
      labelNames: ['fate'],
      registers,
      collect() {
        this.reset();
        for (const [fate, count] of relay.counts) this.inc({ fate }, count[what]);
      },
    });
  }
  if (stun) {
    new Counter({
      name: 'andvari_relay_stun_requests_total',
      help: 'Datagrams that came to the STUN server, by what became of them.',
      labelNames: ['fate'],
      registers,
      collect() {
        this.reset();
        for (const [fate, count] of Object.entries(stun.counts)) this.inc({ fate }, count);
      },
    });
  }
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `andvari_relay_${name}_total`,
      ...{ help, registers },
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  counter(
    'refused',
    'Connections refused, subscriptions not granted, and clients that sent no frames.',
    () => relay.refused,
  );
  counter(
    'rests',
    'Times that a client was not read for a while, as it had sent what it may.',
    () => relay.rests,
  );
}
