/**
 * The first packet of a session that there is no room for: whoever proved who it is and was let in
 * is told so, instead of asking for 10 s. It is sealed here, as the engine has nobody to seal it.
 * Reference: transfer, sections 1.4 (CLOSE) and 4 (points 1, 2, 5, 8).
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { FrameHead, FrameType } from '../engine/generated/transfer.ts';
import { joined, wipe } from './byte-strings.ts';
import { isUsableCid } from './handshake-messages.ts';
import type { Agreed } from './handshake-outcome.ts';

const NONCE_ZEROS = 16;
/** Error and length of the reason in front of it. */
const CLOSE_HEAD = 6;

type Secrets = Pick<Agreed, 'keys' | 'headerProtection'>;

/**
 * Packet 0 of epoch 0 from responder to initiator. `frame`: from byte 8 of its head on, whose
 * number is 0. One session has one such packet: its key seals nothing else.
 */
export function sealFirstPacket({ keys, headerProtection }: Secrets, frame: Uint8Array) {
  const material = joined(keys.k1, keys.k2, keys.h);
  const prk = blake3(material, { key: blake3(joined('protocol-v1')) });
  const expand = (label: string | Uint8Array, dkLen: number) =>
    blake3(joined(label), { key: prk, dkLen });
  const chain = expand('r2i-data', 32);
  const salt = expand('r2i-nonce', 4);
  let cid = expand('connection-id', 8);
  for (let i = 1; !isUsableCid(cid); i++) {
    cid = expand(joined('connection-id', Uint8Array.of(i)), 8);
  }
  const key = blake3(joined(chain, Uint8Array.of(2)));
  const nonce = joined(new Uint8Array(NONCE_ZEROS), salt, new Uint8Array(4));
  const head = joined(salt, new Uint8Array(FrameHead.TYPE - FrameHead.COUNTER));
  const sealed = xchacha20poly1305(key, nonce, cid).encrypt(joined(head, frame));
  if (headerProtection) {
    const protection = expand('hp', 32);
    const mask = blake3(sealed.subarray(-16), { key: protection });
    for (let i = 0; i < 4; i++) cid[4 + i] = (cid[4 + i] ?? 0) ^ (mask[i] ?? 0);
    wipe(protection);
  }
  wipe(material, prk, chain, key);
  return joined(cid, sealed);
}

/** CLOSE for a CloseError. */
export function closePacket(secrets: Secrets, error: number, reason: string): Uint8Array {
  const text = joined(reason);
  const frame = new Uint8Array(FrameHead.BYTES + CLOSE_HEAD + text.length);
  const view = new DataView(frame.buffer);
  frame[FrameHead.TYPE] = FrameType.CLOSE;
  view.setUint16(FrameHead.PAYLOAD_LENGTH, CLOSE_HEAD + text.length);
  view.setUint32(FrameHead.BYTES, error);
  view.setUint16(FrameHead.BYTES + 4, text.length);
  frame.set(text, FrameHead.BYTES + CLOSE_HEAD);
  return sealFirstPacket(secrets, frame.subarray(FrameHead.TYPE));
}
