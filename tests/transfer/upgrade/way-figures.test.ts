import type { Way } from '@andvari/host-common/transfer/far-end';
import { NO_UPGRADE, type Route } from '@andvari/host-common/transfer/upgrade/upgrade-state';
import { WayFigures } from '@andvari/host-common/transfer/upgrade/way-figures';
import { expect, it } from 'vitest';

it('what went is booked to the way of that time, also when it comes back', () => {
  let way: Way = 'relayed';
  let statistics: object | undefined = { DATA_SENT: 0, DATA_RECEIVED: 0, ROUND_TRIP_US: 0 };
  const route = {
    get way() {
      return way;
    },
    upgrade: NO_UPGRADE,
    statistics: () => statistics,
  } as Route;
  const figures = new WayFigures(route, 1000);
  statistics = { DATA_SENT: 1000, DATA_RECEIVED: 10, ROUND_TRIP_US: 5000 };
  figures.look(1500);
  way = 'punched';
  statistics = { DATA_SENT: 6000, DATA_RECEIVED: 20, ROUND_TRIP_US: 900 };
  figures.look(2000);
  way = 'relayed';
  // The session is over: nothing is known any more.
  statistics = undefined;
  expect(figures.look(2100)).toEqual([
    { way: 'relayed', ms: 600, bytes: 1010, roundTripUs: 5000 },
    { way: 'punched', ms: 500, bytes: 5010, roundTripUs: 900 },
  ]);
});
