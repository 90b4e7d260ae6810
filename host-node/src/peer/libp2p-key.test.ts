import { randomBytes } from 'node:crypto';
import { libp2pKey } from '@andvari/host-common/peer/open-libp2p';
import { describe, expect, it } from 'vitest';
import { nodeLibp2pKey } from './libp2p-key.ts';

describe('the key that libp2p gets', () => {
  it("signs what libp2p's own would, and nothing once it is aborted", async () => {
    const seed = randomBytes(32);
    const { privateKey, peerId } = await nodeLibp2pKey(seed);
    const own = await libp2pKey(seed);
    expect(peerId).toEqual(own.peerId);
    for (const length of [0, 1, 500]) {
      const message = randomBytes(length);
      const signature = await privateKey.sign(message);
      expect(signature).toEqual(Uint8Array.from(await own.privateKey.sign(message)));
      expect(await own.privateKey.publicKey.verify(message, signature)).toBe(true);
      const other = randomBytes(length + 1);
      expect(await own.privateKey.publicKey.verify(other, signature)).toBe(false);
    }
    expect(() => privateKey.sign(randomBytes(1), { signal: AbortSignal.abort() })).toThrow(
      /abort/i,
    );
  });

  it('is refused for a seed that is none', async () => {
    await expect(nodeLibp2pKey(randomBytes(31))).rejects.toThrow();
  });
});
