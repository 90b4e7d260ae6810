/** How much of a session went by which way, and how fast: looked at from time to time. */
import type { Way } from '../far-end.ts';
import type { Route } from './upgrade-state.ts';

export interface WayFigure {
  way: Way;
  ms: number;
  /** Of streams, both ways; what was sent again does not count. */
  bytes: number;
  /** Smoothed, as it was when the way was looked at last; undefined: never. */
  roundTripUs: number | undefined;
}

export class WayFigures {
  private readonly route: Route;
  private readonly figures = new Map<Way, WayFigure>();
  private lookedMs: number;
  private bytes = 0;

  constructor(route: Route, nowMs: number) {
    this.route = route;
    this.lookedMs = nowMs;
    this.look(nowMs);
  }

  /** Those that it has gone by, the first one first; what is new is booked to that of now. */
  look(nowMs: number): readonly Readonly<WayFigure>[] {
    const { way } = this.route;
    const figure = this.figures.get(way) ?? { way, ms: 0, bytes: 0, roundTripUs: undefined };
    this.figures.set(way, figure);
    figure.ms += nowMs - this.lookedMs;
    this.lookedMs = nowMs;
    const statistics = this.route.statistics();
    if (statistics) {
      const bytes = statistics.DATA_SENT + statistics.DATA_RECEIVED;
      figure.bytes += bytes - this.bytes;
      this.bytes = bytes;
      figure.roundTripUs = statistics.ROUND_TRIP_US;
    }
    return [...this.figures.values()];
  }
}
