import { type DemoDevice, DemoDeviceError } from '../http/page-server.ts';
import { writeDevices } from '../ratatoskr/device-file.ts';
import type { RatatoskrEndpoint } from '../ratatoskr/endpoint.ts';
import { DeviceError } from '../ratatoskr/registry.ts';

/** Devices that a demo network registers for whoever asks on this machine. */
const DEMO_DEVICES_MAX = 1000;

export class DemoDevices {
  readonly #endpoint: RatatoskrEndpoint;
  readonly #path: string;

  /** @param path the endpoint's devices file, to which the devices are added */
  constructor(endpoint: RatatoskrEndpoint, path: string) {
    this.#endpoint = endpoint;
    this.#path = path;
  }

  /** Known at once, and after a restart. Throws DemoDeviceError. */
  register({ deviceId, userId, publicKey }: DemoDevice): void {
    // What another program has added meanwhile stays.
    this.#endpoint.reload();
    const { devices } = this.#endpoint;
    if (devices.size >= DEMO_DEVICES_MAX) throw new DemoDeviceError('no more demo devices');
    try {
      devices.register({ deviceId, publicKey, userIds: [userId] });
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      throw new DemoDeviceError(error.message, { cause: error });
    }
    writeDevices(this.#path, devices.list());
  }
}
