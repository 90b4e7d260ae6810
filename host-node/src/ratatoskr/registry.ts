/**
 * The devices that may speak: id, public key, users (reference: Ratatoskr section 5). Nothing on
 * the wire carries a key, so the registry is filled by the operator; nobody is trusted on first
 * use. It tells a stranger nothing: there is no way to ask it but by an exact id.
 */
import { deviceKeyProblem, isCurvePoint } from './device-key.ts';
import { DEVICES_MAX, ID_BYTES_MAX, USERS_PER_DEVICE_MAX } from './limits.ts';

export interface Device {
  readonly deviceId: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly userIds: ReadonlySet<string>;
  readonly revoked: boolean;
}

/** What is wrong with a device that is to be registered. */
export class DeviceError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_DEVICE';
  override readonly name = 'DeviceError';
}

/** What is wrong with an id, or undefined. Control characters could hide in a log or a screen. */
export function idProblem(id: string): string | undefined {
  const bytes = Buffer.byteLength(id);
  if (bytes < 1 || bytes > ID_BYTES_MAX) return `wanted 1 to ${ID_BYTES_MAX} bytes, got ${bytes}`;
  if (/\p{Cc}/u.test(id)) return 'it has a control character';
  // Half of a surrogate pair has no UTF-8 form of its own: two ids would have the same bytes.
  return id.isWellFormed() ? undefined : 'it is not Unicode text';
}

export class DeviceRegistry {
  #devices = new Map<string, Device>();
  /** Device by key: one key for two devices would let fields be shifted between their ids. */
  #owners = new Map<string, string>();

  get size(): number {
    return this.#devices.size;
  }

  /** The device of exactly this id, unless it has been revoked. */
  find(deviceId: string): Device | undefined {
    const device = this.#devices.get(deviceId);
    return device?.revoked ? undefined : device;
  }

  /** The device of exactly this id, also if it has been revoked. */
  entry(deviceId: string): Device | undefined {
    return this.#devices.get(deviceId);
  }

  /** All devices, the revoked ones too, in the order in which they came. For the operator. */
  list(): Device[] {
    return [...this.#devices.values()];
  }

  /**
   * Add a device, or give one that is here more users. Its key never changes: whoever loses one
   * revokes the device and registers another.
   * @throws DeviceError
   */
  register(device: { deviceId: string; publicKey: Uint8Array; userIds: Iterable<string> }): void {
    const known = this.#devices.get(device.deviceId);
    if (!known && this.size >= DEVICES_MAX) {
      throw new DeviceError(`wanted at most ${DEVICES_MAX} devices`);
    }
    if (known?.revoked) throw new DeviceError(`device ${device.deviceId} has been revoked`);
    if (known && keyName(known.publicKey) !== keyName(device.publicKey)) {
      throw new DeviceError(`device ${device.deviceId} is registered with another key`);
    }
    const userIds = new Set([...(known?.userIds ?? []), ...device.userIds]);
    this.#checkCurve(device);
    this.#put(checked({ ...device, userIds, revoked: false }));
  }

  /** The device is refused from now on, also in sessions that it has. False: no such device. */
  revoke(deviceId: string): boolean {
    const device = this.#devices.get(deviceId);
    if (!device) return false;
    this.#devices.set(deviceId, { ...device, revoked: true });
    return true;
  }

  /**
   * Take these in place of all others, or none of them. Some 0.2 ms for each key that is new here.
   * @throws DeviceError
   */
  replaceAll(devices: readonly Device[]): void {
    for (const device of devices.slice(0, DEVICES_MAX)) this.#checkCurve(device);
    this.load(devices);
  }

  /** The same for whoever has read them where the registry stands: nothing is written there. */
  load(devices: readonly Device[]): void {
    if (devices.length > DEVICES_MAX)
      throw new DeviceError(`wanted at most ${DEVICES_MAX} devices`);
    const next = new DeviceRegistry();
    for (const device of devices) {
      if (next.#devices.has(device.deviceId)) {
        throw new DeviceError(`device ${device.deviceId} stands there twice`);
      }
      next.#put(checked(device));
    }
    this.#devices = next.#devices;
    this.#owners = next.#owners;
  }

  /** A key that no point has could never sign; one that is here already was looked at before. */
  #checkCurve({ deviceId, publicKey }: { deviceId: string; publicKey: Uint8Array }): void {
    const isKnown = this.#owners.has(keyName(publicKey));
    if (isKnown || deviceKeyProblem(publicKey) || isCurvePoint(publicKey)) return;
    throw new DeviceError(`device ${deviceId}: the key is no point of the curve`);
  }

  #put(device: Device): void {
    const name = keyName(device.publicKey);
    const owner = this.#owners.get(name);
    if (owner !== undefined && owner !== device.deviceId) {
      throw new DeviceError(`the key of ${device.deviceId} belongs to device ${owner}`);
    }
    this.#owners.set(name, device.deviceId);
    this.#devices.set(device.deviceId, device);
  }
}

function keyName(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}

/** An own copy of a device, if it may be one. */
function checked({ deviceId, publicKey, userIds, revoked }: Device): Device {
  const problem = idProblem(deviceId);
  if (problem) throw new DeviceError(`device id: ${problem}`);
  const keyProblem = deviceKeyProblem(publicKey);
  if (keyProblem) throw new DeviceError(`device ${deviceId}: ${keyProblem}`);
  if (userIds.size < 1 || userIds.size > USERS_PER_DEVICE_MAX) {
    const wanted = `wanted 1 to ${USERS_PER_DEVICE_MAX} users, got ${userIds.size}`;
    throw new DeviceError(`device ${deviceId}: ${wanted}`);
  }
  for (const userId of userIds) {
    const userProblem = idProblem(userId);
    if (userProblem) throw new DeviceError(`device ${deviceId}: user id: ${userProblem}`);
  }
  return { deviceId, publicKey: Uint8Array.from(publicKey), userIds: new Set(userIds), revoked };
}
