import { WebCryptoEd25519 } from '@andvari/host-common/ratatoskr/webcrypto-ed25519';
import { describe, expect, it } from 'vitest';
import { nobleEd25519 } from '../../../host-common/src/ratatoskr/noble-ed25519.ts';
import { openDeviceKey } from './device-key.ts';
import type { SealedRecord } from './seal.ts';
import { memoryVault } from './testing/memory-vault.ts';

const message = new TextEncoder().encode('hello');

describe('the key of this device', () => {
  it('is one that no script can read, where the browser can', async () => {
    const vault = await memoryVault();
    const webCrypto = await WebCryptoEd25519.create();
    const made = await openDeviceKey(vault, webCrypto);
    expect(made).toMatchObject({
      locked: true,
      deviceId: expect.stringMatching(/^wallet-\w{16}$/),
    });
    const { pair } = vault.values.get('device') as { pair: CryptoKeyPair };
    expect(pair.privateKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey('pkcs8', pair.privateKey)).rejects.toThrow();
    const again = await openDeviceKey(vault, webCrypto);
    expect(again.deviceId).toBe(made.deviceId);
    expect(again.signer.publicKey).toEqual(made.signer.publicKey);
    const signature = await again.signer.sign(message);
    expect(nobleEd25519.verify(made.signer.publicKey, message, signature)).toBe(true);
    // In a browser that has unlearnt it the key is lost, and is not replaced behind one's back.
    await expect(openDeviceKey(vault, undefined)).rejects.toMatchObject({
      code: 'ANDVARI_DEVICE_KEY',
    });
  });

  it('is sealed elsewhere', async () => {
    const vault = await memoryVault();
    const made = await openDeviceKey(vault, undefined);
    expect(made.locked).toBe(false);
    const again = await openDeviceKey(vault, await WebCryptoEd25519.create());
    expect(again).toMatchObject({ locked: false, deviceId: made.deviceId });
    const signature = await again.signer.sign(message);
    expect(nobleEd25519.verify(made.signer.publicKey, message, signature)).toBe(true);
    const stored = vault.values.get('device') as { sealedSeed: SealedRecord };
    stored.sealedSeed.bytes[0] = (stored.sealedSeed.bytes[0] as number) ^ 1;
    await expect(openDeviceKey(vault, undefined)).rejects.toMatchObject({
      code: 'ANDVARI_SEAL_BROKEN',
    });
  });

  it('of another version is not touched', async () => {
    const vault = await memoryVault();
    await vault.keep('device', { format: 2, deviceId: 'x' });
    await expect(openDeviceKey(vault, undefined)).rejects.toMatchObject({
      code: 'ANDVARI_DEVICE_KEY',
    });
    expect(vault.values.get('device')).toEqual({ format: 2, deviceId: 'x' });
  });
});
