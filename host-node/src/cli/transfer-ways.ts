/** By which way a session that began at a relay goes, whenever that changes. */
import type { Way } from '@andvari/host-common/transfer/far-end';
import { sizeText } from '@andvari/host-common/transfer/files/amount-text';
import type { Route } from '@andvari/host-common/transfer/upgrade/upgrade-state';
import { type WayFigure, WayFigures } from '@andvari/host-common/transfer/upgrade/way-figures';
import { formatAddress } from '../http/socket-address.ts';
import { socketAddressOf } from '../transfer/socket-address.ts';
import type { CommandContext } from './command-context.ts';

/** Between two looks: an attempt takes longer to fail, and a change is told soon enough. */
const LOOK_MS = 100;

/**
 * Tells it until it is stopped, which tells the last change: on a line for people, with `json` as
 * an event.
 */
export function tellWays(
  route: Route,
  { json = false }: { json?: boolean },
  context: CommandContext,
): { stop(): void } {
  const figures = new WayFigures(route, performance.now());
  let told = '';
  let toldWay: Way = 'relayed';
  const tell = () => {
    const { way, upgrade } = route;
    figures.look(performance.now());
    const { state, attempts, place, farEnd, directAfterUs, why } = upgrade;
    const news = [way, state, attempts, directAfterUs].join();
    if (state === 'none' || (state === 'trying' && way === toldWay) || news === told) return;
    told = news;
    toldWay = way;
    const roundTripUs = route.statistics()?.ROUND_TRIP_US;
    const roundTripMs = milliseconds(roundTripUs);
    const directAfterMs = state === 'direct' ? milliseconds(directAfterUs) : undefined;
    if (json) {
      const at = farEnd && formatAddress(socketAddressOf(farEnd, false));
      const facts = { way, state, attempts, place, at, roundTripMs, directAfterMs };
      context.event({ event: 'way', ...facts, code: why?.code, why: why?.message });
    } else if (way !== 'relayed') {
      context.note(`goes directly now (${way}), round trip ${roundTripMs} ms`);
    } else if (why) {
      const next = state === 'failed' ? 'it stays at the relay' : 'it goes on by the relay';
      context.note(`no direct way: ${why.message} (${why.code}); ${next}`);
    }
  };
  const timer = setInterval(tell, LOOK_MS);
  return {
    stop: () => {
      clearInterval(timer);
      tell();
      if (route.upgrade.state === 'none') return;
      tellFigures(figures.look(performance.now()), { json }, context);
    },
  };
}

/** At the end: how much went by which way; to people if there was more than one. */
function tellFigures(
  figures: readonly WayFigure[],
  { json }: { json: boolean },
  context: CommandContext,
): void {
  const ways = figures.map(({ way, ms, bytes, roundTripUs }) => {
    const bytesPerSecond = ms > 0 ? Math.round((bytes * 1000) / ms) : 0;
    const roundTripMs = milliseconds(roundTripUs);
    return { way, seconds: Math.round(ms) / 1000, bytes, bytesPerSecond, roundTripMs };
  });
  if (json) {
    context.event({ event: 'ways', ways });
    return;
  }
  if (ways.length < 2) return;
  const texts = ways.map(({ way, seconds, bytes, bytesPerSecond, roundTripMs }) => {
    const rate = `${sizeText(bytes)} in ${seconds} s, ${sizeText(bytesPerSecond)}/s`;
    return `${way} ${rate}, round trip ${roundTripMs} ms`;
  });
  context.note(texts.join('; '));
}

function milliseconds(us: number | undefined): number | undefined {
  return us === undefined ? undefined : Math.round(us) / 1000;
}
