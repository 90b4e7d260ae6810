import { libp2pKey, type PrivateKey } from '@andvari/host-common/peer/open-libp2p';
import { NodeEd25519Signer } from '../ratatoskr/node-ed25519.ts';

/**
 * libp2p's key, which signs with a key object that is kept: libp2p's own makes one anew for each
 * signature, which takes twice as long as to sign. Noise and gossipsub sign by it.
 * @param seed 32 bytes; rejects with an Error of libp2p for what is none
 */
export async function nodeLibp2pKey(
  seed: Uint8Array,
): Promise<{ privateKey: PrivateKey; peerId: Uint8Array }> {
  const { privateKey, peerId } = await libp2pKey(seed);
  const signer = new NodeEd25519Signer(seed);
  const sign: PrivateKey['sign'] = (message, options) => {
    options?.signal?.throwIfAborted();
    return signer.signNow(message.subarray());
  };
  return { privateKey: Object.assign(privateKey, { sign }), peerId };
}
