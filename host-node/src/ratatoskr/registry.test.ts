import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import {
  changeDevices,
  openRegistry,
  reloadRegistry,
  watchDevices,
  writeDevices,
} from './device-file.ts';
import { deviceKeyProblem } from './device-key.ts';
import { FileRegistry } from './file-registry.ts';
import { NodeEd25519Signer, NodeEd25519Verifier } from './node-ed25519.ts';
import { type Device, DeviceRegistry } from './registry.ts';
import { signerOf } from './testing/test-peer.ts';

const keyOf = (name: string) => signerOf(name).publicKey;
const device = (deviceId: string, more: Partial<Device> = {}): Device => ({
  ...{ deviceId, publicKey: keyOf(deviceId), userIds: new Set(['user']), revoked: false },
  ...more,
});
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

/** Keys that no device may have: small order, both signs, and encodings beyond the prime. */
const weak = [
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  `01${'00'.repeat(31)}`,
  `01${'00'.repeat(30)}80`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  `ec${'ff'.repeat(30)}7f`,
  `ec${'ff'.repeat(31)}`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(31)}`,
  'ff'.repeat(32),
];

describe('device keys', () => {
  it.each(weak)('refuses %s, as the engine does', async (text) => {
    expect(deviceKeyProblem(hex(text))).toBeDefined();
    const codec = RatatoskrCodec.create({ module: await plainEngine() });
    expect(codec.refusedKey(hex(text))).toBeDefined();
  });

  it('refuses the key of the zero seed, and takes the next one', () => {
    expect(deviceKeyProblem(new NodeEd25519Signer(new Uint8Array(32)).publicKey)).toMatch(/zeros/);
    const seed = Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 1 : 0));
    expect(deviceKeyProblem(new NodeEd25519Signer(seed).publicKey)).toBeUndefined();
    expect(deviceKeyProblem(keyOf('x').subarray(1))).toMatch(/32 bytes/);
  });

  it('signs and verifies as RFC 8032 has it', () => {
    // RFC 8032, section 7.1, TEST 2.
    const seed = hex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    const signer = new NodeEd25519Signer(seed);
    const key = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';
    expect(Buffer.from(signer.publicKey).toString('hex')).toBe(key);
    const message = Uint8Array.of(0x72);
    const signature = signer.signNow(message);
    expect(Buffer.from(signature).toString('hex')).toMatch(/^92a009a9f0d4cab8720e820b5f642540/);
    const verifier = new NodeEd25519Verifier();
    expect(verifier.verify(signer.publicKey, message, signature)).toBe(true);
    expect(verifier.verify(signer.publicKey, Uint8Array.of(0x73), signature)).toBe(false);
    expect(verifier.verify(keyOf('x'), message, signature)).toBe(false);
    expect(verifier.verify(signer.publicKey, message, signature.subarray(1))).toBe(false);
    expect(verifier.verify(signer.publicKey.subarray(1), message, signature)).toBe(false);
    expect(() => new NodeEd25519Signer(seed.subarray(1))).toThrow(RangeError);
  });
});

describe('DeviceRegistry', () => {
  it('finds a device by its exact id, until it is revoked', () => {
    const registry = new DeviceRegistry();
    registry.register(device('Device'));
    expect(registry.find('Device')).toEqual(device('Device'));
    for (const id of ['device', 'Device ', '', 'Devic', '__proto__']) {
      expect(registry.find(id)).toBeUndefined();
    }
    expect(registry.revoke('other')).toBe(false);
    expect(registry.revoke('Device')).toBe(true);
    expect(registry.find('Device')).toBeUndefined();
    expect(() => registry.register(device('Device'))).toThrow(/revoked/);
    expect(registry.list()).toHaveLength(1);
  });

  it('adds users, and never changes a key or gives it to two devices', () => {
    const registry = new DeviceRegistry();
    registry.register(device('a'));
    registry.register(device('a', { userIds: new Set(['other', 'user']) }));
    expect([...(registry.find('a')?.userIds ?? [])]).toEqual(['user', 'other']);
    const wrong = { code: 'ANDVARI_RATATOSKR_DEVICE' };
    const register = (one: Device) => () => registry.register(one);
    expect(register(device('a', { publicKey: keyOf('b') }))).toThrow(
      expect.objectContaining(wrong),
    );
    expect(register(device('b', { publicKey: keyOf('a') }))).toThrow(/belongs to device a/);
    expect(registry.size).toBe(1);
  });

  it.each([
    ['an id of 256 bytes', device('a', { deviceId: 'é'.repeat(128) }), undefined],
    ['an id of 257 bytes', device('a', { deviceId: `${'é'.repeat(128)}x` }), /256 bytes/],
    ['an empty id', device('a', { deviceId: '' }), /256 bytes/],
    ['a control character', device('a', { deviceId: 'a\n' }), /control character/],
    ['a C1 control character', device('a', { deviceId: 'a\u0085' }), /control character/],
    ['half a surrogate pair', device('a', { deviceId: 'a\ud800' }), /Unicode/],
    ['a user of 257 bytes', device('a', { userIds: new Set(['x'.repeat(257)]) }), /user id/],
    ['a user with NUL', device('a', { userIds: new Set(['x\0']) }), /user id/],
    ['no users', device('a', { userIds: new Set<string>() }), /1 to 64 users/],
    [
      '64 users',
      device('a', { userIds: new Set(Array.from({ length: 64 }, (_, i) => `u${i}`)) }),
      undefined,
    ],
    [
      '65 users',
      device('a', { userIds: new Set(Array.from({ length: 65 }, (_, i) => `u${i}`)) }),
      /1 to 64 users/,
    ],
    ['a weak key', device('a', { publicKey: new Uint8Array(32) }), /small order/],
  ])('%s', (_, one, problem) => {
    const registry = new DeviceRegistry();
    if (problem) expect(() => registry.register(one)).toThrow(problem);
    else registry.register(one);
    expect(registry.size).toBe(problem ? 0 : 1);
  });

  it('does not see a change of what it was given', () => {
    const registry = new DeviceRegistry();
    const publicKey = keyOf('a').slice();
    const userIds = ['user'];
    registry.register({ deviceId: 'a', publicKey, userIds });
    publicKey.fill(1);
    userIds.push('evil');
    expect(registry.find('a')).toEqual(device('a'));
  });
});

describe('a devices file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-devices-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let path = '';
  let files = 0;
  beforeEach(() => {
    path = join(folder, `devices-${files++}.json`);
  });

  it('keeps devices, mode 0600; one that is not there has none', () => {
    expect(openRegistry(path).size).toBe(0);
    const devices = [device('a'), device('b', { revoked: true, userIds: new Set(['u', 'ü']) })];
    writeDevices(path, devices);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(openRegistry(path).list()).toEqual(devices);
    expect(readFileSync(path, 'utf8')).toContain('"device_id": "a"');
  });

  it.each([
    ['no JSON', 'x', /wanted JSON/],
    ['another format', '{"format":2,"devices":[]}', /format/],
    ['an unknown key', '{"format":1,"devices":[],"x":1}', /x/],
    ['a short key', document({ public_key: 'ab' }), /devices\.0\.public_key/],
    ['a weak key', document({ public_key: '00'.repeat(32) }), /small order/],
    ['no users', document({ user_ids: [] }), /users/],
    ['a device twice', document({}, {}), /twice/],
    ['a key twice', document({}, { device_id: 'b' }), /belongs to device/],
  ])('%s changes nothing', (_, text, problem) => {
    writeDevices(path, [device('good')]);
    const registry = openRegistry(path);
    writeFileSync(path, text);
    const wrong = { code: 'ANDVARI_RATATOSKR_DEVICES', message: expect.stringMatching(problem) };
    expect(() => reloadRegistry(registry, path)).toThrow(expect.objectContaining(wrong));
    expect(registry.find('good')).toBeDefined();
  });

  it('is read again when it was replaced', async () => {
    writeDevices(path, [device('a')]);
    const changed = Promise.withResolvers<void>();
    const unwatch = watchDevices(path, () => changed.resolve());
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeDevices(path, [device('a'), device('b')]);
    await changed.promise;
    unwatch();
  });
});

describe('a registry that stands in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-registry-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let path = '';
  let files = 0;
  beforeEach(() => {
    path = join(folder, `${files++}`, 'devices.json');
  });

  /** As its watcher and SIGHUP do, after somebody else has changed something. */
  function reload(registry: DeviceRegistry): void {
    changeDevices(path, (devices) => devices.register(device('other')));
    reloadRegistry(registry, path);
  }

  it('keeps over a reload what the program has changed', () => {
    const registry = new FileRegistry(path);
    registry.register(device('a'));
    registry.register(device('b'));
    expect(registry.revoke('a')).toBe(true);
    for (const each of [registry, new FileRegistry(path)]) {
      reload(each);
      expect(each.find('a')).toBeUndefined();
      expect(each.find('b')).toEqual(device('b'));
      expect(each.find('other')).toEqual(device('other'));
    }
  });

  it('writes down all of them when they are replaced', () => {
    const registry = new FileRegistry(path);
    for (const id of ['a', 'b']) registry.register(device(id));
    registry.replaceAll([device('a')]);
    expect(registry.find('b')).toBeUndefined();
    registry.register(device('c'));
    for (const each of [registry, openRegistry(path)]) {
      expect(each.list().map(({ deviceId }) => deviceId)).toEqual(['a', 'c']);
    }
    expect(() => registry.replaceAll([device('d'), device('d')])).toThrow(/twice/);
    const pointless = device('d', {
      publicKey: Uint8Array.from({ length: 32 }, (_, i) => +!i * 2),
    });
    expect(() => registry.replaceAll([device('a'), pointless])).toThrow(/no point of the curve/);
    expect(openRegistry(path).size).toBe(2);
  });

  it('changes nothing when a device is none, and takes over what others have changed', () => {
    const registry = new FileRegistry(path);
    changeDevices(path, (devices) => devices.register(device('a')));
    expect(() => registry.register(device('b', { publicKey: keyOf('a') }))).toThrow(/belongs to/);
    expect(registry.size).toBe(0);
    expect(registry.revoke('nobody')).toBe(false);
    expect(registry.revoke('a')).toBe(true);
    expect(openRegistry(path).find('a')).toBeUndefined();
    expect(openRegistry(path).size).toBe(1);
  });

  it('revokes even if the file cannot be changed, and says so', () => {
    const registry = new FileRegistry(path);
    registry.register(device('a'));
    const good = readFileSync(path);
    writeFileSync(path, 'x');
    const wrong = expect.objectContaining({ code: 'ANDVARI_RATATOSKR_DEVICES' });
    expect(() => registry.revoke('a')).toThrow(wrong);
    expect(() => registry.register(device('b'))).toThrow(wrong);
    writeFileSync(path, good);
    reload(registry);
    expect(registry.find('a')).toBeUndefined();
    expect(registry.find('b')).toBeUndefined();
    expect(registry.revoke('a')).toBe(true);
    expect(openRegistry(path).find('a')).toBeUndefined();
  });

  /** Of "a", into a file that cannot be written. */
  function unwrittenRevocation(): FileRegistry {
    const registry = new FileRegistry(path);
    for (const id of ['a', 'b']) registry.register(device(id));
    const good = readFileSync(path);
    writeFileSync(path, 'x');
    expect(() => registry.revoke('a')).toThrow(/wanted JSON/);
    writeFileSync(path, good);
    return registry;
  }

  it.each<[string, (registry: FileRegistry) => void]>([
    ['another device registered', (registry) => registry.register(device('c'))],
    ['another device revoked', (registry) => registry.revoke('b')],
  ])('writes a revocation that could not be written with the next change: %s', (_, change) => {
    const registry = unwrittenRevocation();
    expect(openRegistry(path).find('a')).toBeDefined();
    change(registry);
    for (const each of [registry, new FileRegistry(path)]) expect(each.find('a')).toBeUndefined();
    expect(new FileRegistry(path).list()).toEqual(registry.list());
  });

  it('lets nobody register a device again whose revocation could not be written', () => {
    const registry = unwrittenRevocation();
    expect(() => registry.register(device('a'))).toThrow('has been revoked');
    expect(registry.find('a')).toBeUndefined();
    // Whoever gives all of them says what each is.
    registry.replaceAll([device('a')]);
    for (const each of [registry, new FileRegistry(path)]) expect(each.find('a')).toBeDefined();
  });
});

function document(...changes: object[]): string {
  const devices = changes.map((change) => ({
    device_id: 'a',
    public_key: Buffer.from(keyOf('a')).toString('hex'),
    user_ids: ['u'],
    ...change,
  }));
  return JSON.stringify({ format: 1, devices });
}
