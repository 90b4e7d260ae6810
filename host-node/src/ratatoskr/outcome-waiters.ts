/**
 * Who waits for outcomes as long as a signal lets them. One listener a signal, not one a call: to
 * add and remove one costs as much as the rest of the waiting.
 */
import { FleetingMap } from './fleeting-map.ts';
import type { ServiceOutcome } from './service-bus.ts';

const NOBODY_WAITS: ServiceOutcome = {
  ok: false,
  code: 'SERVICE_UNAVAILABLE',
  message: 'nobody waits for the answer',
};

type Stop = (outcome: ServiceOutcome) => void;

export class OutcomeWaiters {
  readonly #stops = new WeakMap<AbortSignal, FleetingMap<Stop, Stop>>();

  /** The outcome, unless the caller stops waiting before. */
  wait(outcome: Promise<ServiceOutcome>, signal?: AbortSignal): Promise<ServiceOutcome> {
    if (!signal) return outcome;
    if (signal.aborted) return Promise.resolve(NOBODY_WAITS);
    const stops = this.#stopsOf(signal);
    return new Promise((resolve, reject) => {
      stops.set(resolve, resolve);
      outcome.then((value) => {
        stops.delete(resolve);
        resolve(value);
      }, reject);
    });
  }

  #stopsOf(signal: AbortSignal): FleetingMap<Stop, Stop> {
    const known = this.#stops.get(signal);
    if (known) return known;
    const stops = new FleetingMap<Stop, Stop>();
    this.#stops.set(signal, stops);
    const stopAll = () => {
      for (const stop of stops.values()) stop(NOBODY_WAITS);
    };
    signal.addEventListener('abort', stopAll, { once: true });
    return stops;
  }
}
