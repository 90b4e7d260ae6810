/**
 * Connections of one device: so many at once, or one device, whose every message may be refused for
 * its rate, could have the places of all. The one that has been silent longest goes for the next:
 * whoever comes back before the server has seen that his old connection is dead is let in.
 */
import { CONNECTIONS_PER_DEVICE_MAX } from './limits.ts';

export class DeviceConnections<T extends { readonly validMs: number }> {
  readonly #perDeviceMax: number;
  readonly #connections = new Map<string, Set<T>>();
  readonly #devices = new Map<T, string>();

  constructor(perDeviceMax = CONNECTIONS_PER_DEVICE_MAX) {
    this.#perDeviceMax = perDeviceMax;
  }

  /** One more. Returns who has to go for it, and forgets it; undefined: there is room. */
  add(connection: T, deviceId: string): T | undefined {
    const own = this.#connections.get(deviceId) ?? new Set<T>();
    let silent: T | undefined;
    if (own.size >= this.#perDeviceMax) {
      for (const other of own) if (!silent || other.validMs < silent.validMs) silent = other;
    }
    if (silent) this.delete(silent);
    this.#connections.set(deviceId, own.add(connection));
    this.#devices.set(connection, deviceId);
    return silent;
  }

  /** It has ended, if it was one of a device. */
  delete(connection: T): void {
    const deviceId = this.#devices.get(connection);
    if (deviceId === undefined) return;
    this.#devices.delete(connection);
    const own = this.#connections.get(deviceId);
    own?.delete(connection);
    if (own?.size === 0) this.#connections.delete(deviceId);
  }
}
