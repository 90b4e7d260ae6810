/** BLAKE2s, X25519 and Ed25519, which hosts have of noble beside the engine. Web-standard only. */
import { nobleEd25519 } from '@andvari/host-common/ratatoskr/noble-ed25519';
import { nobleX25519 } from '@andvari/host-common/transfer/x25519';
import { blake2s } from '@noble/hashes/blake2.js';
import { type Functions, output, verdict } from './functions.ts';

export const rawCurves: Functions = {
  'hash.blake2s': (f) => output(blake2s(f.bytes('bytes'))),
  'curve.x25519': (f) => {
    const shared = nobleX25519.secret(f.bytes('secret')).shared(f.bytes('public'));
    return shared ? output(shared) : verdict('zero');
  },
  'curve.ed25519-sign': async (f) => {
    const signer = await nobleEd25519.signer(f.bytes('seed'));
    const signature = await signer.sign(f.bytes('message'));
    return output(Uint8Array.from([...signer.publicKey, ...signature]));
  },
  'curve.ed25519-verify': async (f) => {
    const [key, message] = [f.bytes('public'), f.bytes('message')];
    const isGood = await nobleEd25519.verify(key, message, f.bytes('signature'));
    return output(Uint8Array.of(isGood ? 1 : 0));
  },
};
