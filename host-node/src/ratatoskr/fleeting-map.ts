/**
 * A map of what lives for milliseconds, on a server that runs for months. When V8 rebuilds a Map or
 * a Set, as it does after so many deletions, the former table keeps its contents and points to the
 * next one. Once one table has come into the old space, each later one and all that was in it
 * outlives it, until the whole old space is collected: with a request's promises in the map, nearly
 * all that a request leaves behind. So the Map itself is another one from time to time.
 */

/** Insertions between two Maps, beside as many as the map has entries: they are copied. */
const RENEWED_AFTER = 256;

export class FleetingMap<K, V> {
  #map = new Map<K, V>();
  #inserted = 0;

  get size(): number {
    return this.#map.size;
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    if (++this.#inserted > RENEWED_AFTER + this.#map.size) {
      this.#map = new Map(this.#map);
      this.#inserted = 0;
    }
    this.#map.set(key, value);
  }

  delete(key: K): void {
    this.#map.delete(key);
  }

  values(): Iterable<V> {
    return this.#map.values();
  }
}
