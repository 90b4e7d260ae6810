import { FileLockedError } from '../files/file-lock.ts';
import { type DemoDevice, DemoDeviceError } from '../http/page-server.ts';
import { changeDevices } from '../ratatoskr/device-file.ts';
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
    try {
      changeDevices(this.#path, (devices) => {
        if (devices.size >= DEMO_DEVICES_MAX) throw new DemoDeviceError('no more demo devices');
        devices.register({ deviceId, publicKey, userIds: [userId] });
      });
    } catch (error) {
      if (!(error instanceof DeviceError || error instanceof FileLockedError)) throw error;
      throw new DemoDeviceError(error.message, { cause: error });
    }
    this.#endpoint.reload();
  }
}
