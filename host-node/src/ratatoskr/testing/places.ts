/** Servers for a file of tests, or one group: each is closed behind the test that started it. */
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import { type PlaceOptions, RatatoskrPlace } from './ratatoskr-place.ts';

export function placesForTests(): (options?: PlaceOptions) => Promise<RatatoskrPlace> {
  const atEnd = closedAfterEach();
  return async (options = {}) => {
    const place = await RatatoskrPlace.start(options);
    atEnd(() => place.close());
    return place;
  };
}
