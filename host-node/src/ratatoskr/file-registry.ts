/** A registry that stands in a file: what the program changes is changed there. */
import { changeDevices, reloadRegistry } from './device-file.ts';
import { type Device, DeviceRegistry } from './registry.ts';

/**
 * Each change goes into the file, under its lock, and takes over what others have changed there:
 * the file is all that there is, so no reload brings back what was revoked. A change costs a write
 * of the whole file, and waits for others who change it, the thread with it: 5 s at the most.
 */
export class FileRegistry extends DeviceRegistry {
  readonly #path: string;
  /** Revoked, and the file does not say so: it could not be written. */
  readonly #unwritten = new Set<string>();

  /** @throws DeviceFileError; a file that is not there holds no device */
  constructor(path: string) {
    super();
    this.#path = path;
    reloadRegistry(this, path);
  }

  /** @throws DeviceError, DeviceFileError, FileLockedError, Node's errors: nothing is changed */
  override register(device: Parameters<DeviceRegistry['register']>[0]): void {
    this.#change((devices) => devices.register(device));
  }

  /**
   * As that of DeviceRegistry.
   * @throws DeviceFileError, FileLockedError, Node's errors: the file could not be changed. The
   *     device is revoked all the same, and the next change that can be written writes that too.
   */
  override revoke(deviceId: string): boolean {
    let found = super.revoke(deviceId);
    this.#unwritten.add(deviceId);
    this.#change((devices) => {
      found = devices.revoke(deviceId) || found;
    });
    return found;
  }

  /** @throws DeviceError, DeviceFileError, FileLockedError, Node's errors: nothing is changed */
  override replaceAll(devices: readonly Device[]): void {
    this.#change((registered) => registered.replaceAll(devices));
  }

  override load(devices: readonly Device[]): void {
    super.load(devices);
    for (const deviceId of this.#unwritten) super.revoke(deviceId);
  }

  #change(work: (devices: DeviceRegistry) => void): void {
    let all: Device[] = [];
    changeDevices(this.#path, (devices) => {
      // Before the change, as if it had been written when it was made.
      for (const deviceId of this.#unwritten) devices.revoke(deviceId);
      work(devices);
      all = devices.list();
    });
    this.#unwritten.clear();
    this.load(all);
  }
}
