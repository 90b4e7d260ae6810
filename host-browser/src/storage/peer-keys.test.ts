import { describe, expect, it } from 'vitest';
import { openPeerKeys } from './peer-keys.ts';
import { memoryVault } from './testing/memory-vault.ts';

describe('the keys of a peer node', () => {
  it('are made once, and are two', async () => {
    const vault = await memoryVault();
    const made = await openPeerKeys(vault);
    const again = await openPeerKeys(vault);
    expect(again.libp2pSeed).toEqual(made.libp2pSeed);
    expect(again.signer.publicKey).toEqual(made.signer.publicKey);
    const other = await openPeerKeys(await memoryVault());
    expect(other.libp2pSeed).not.toEqual(made.libp2pSeed);
    expect(other.signer.publicKey).not.toEqual(made.signer.publicKey);
  });

  it('lie nowhere in clear', async () => {
    const vault = await memoryVault();
    const { libp2pSeed, locked } = await openPeerKeys(vault);
    expect(locked).toBe(true);
    const { sealedSeed } = vault.values.get('libp2p') as { sealedSeed: { bytes: Uint8Array } };
    expect(Buffer.from(sealedSeed.bytes).includes(Buffer.from(libp2pSeed))).toBe(false);
  });

  it('are refused when they are of another version, or of another vault', async () => {
    const vault = await memoryVault();
    await openPeerKeys(vault);
    const sealed = vault.values.get('libp2p') as object;
    const other = await memoryVault();
    other.values.set('libp2p', sealed);
    await expect(openPeerKeys(other)).rejects.toMatchObject({ code: 'ANDVARI_SEAL_BROKEN' });
    vault.values.set('libp2p', { ...sealed, format: 2 });
    await expect(openPeerKeys(vault)).rejects.toMatchObject({ code: 'ANDVARI_DEVICE_KEY' });
  });
});
