/** hash, cipher and transfer by the exports of the engine. Web-standard only. */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { Primitives } from '../../engine/primitives.ts';
import { bytesOf, type Fields, hexOfNumber } from '../case.ts';
import { type Functions, output, verdict } from './functions.ts';

const TAG_BYTES = 16;

export function rawPrimitives(p: Primitives): Functions {
  return { ...hashes(p), ...ciphers(p), ...transfer(p) };
}

function hashes(p: Primitives): Functions {
  return {
    'hash.crc32': (f) => ({ output: hexOfNumber(p.crc32(f.bytes('bytes')), 4) }),
    'hash.md5': (f) => output(p.md5(f.bytes('bytes'))),
    'hash.sha256': (f) => output(p.sha256(f.bytes('bytes'))),
    'hash.hmac-sha256': (f) => output(p.hmacSha256(f.bytes('key'), f.bytes('bytes'))),
    'hash.blake3': (f) => output(p.blake3(f.bytes('bytes'), f.number('length'))),
    'hash.blake3-keyed': (f) =>
      output(p.blake3(f.bytes('bytes'), f.number('length'), { key: f.bytes('key') })),
    'hash.blake3-derive': (f) =>
      output(p.blake3(f.bytes('bytes'), f.number('length'), { context: f.bytes('context') })),
    'hash.blake3-part': (f) => output(p.blake3Part(f.bytes('bytes'), f.number('first'))),
    'hash.blake3-parent': (f) =>
      output(p.blake3Parent(f.bytes('left'), f.bytes('right'), f.isTrue('root'))),
  };
}

function ciphers(p: Primitives): Functions {
  return {
    'cipher.ctr': (f) => output(p.ctr(f.bytes('key'), f.bytes('counter'), f.bytes('text')).bytes),
    'cipher.chacha20': (f) =>
      output(p.chacha20(f.bytes('key'), f.number('counter'), f.bytes('nonce'), f.bytes('text'))),
    'cipher.hchacha20': (f) => output(p.hchacha20(f.bytes('key'), f.bytes('nonce'))),
    'cipher.seal': (f) => {
      const { text, tag } = p.seal(
        f.bytes('key'),
        f.bytes('nonce'),
        f.bytes('associated'),
        f.bytes('text'),
      );
      return output(Uint8Array.from([...text, ...tag]));
    },
    'cipher.open': (f) => open(p, f),
  };
}

/** The engine is given text and tag apart: that there is one is for its caller to see. */
function open(p: Primitives, f: Fields) {
  const sealed = f.bytes('sealed');
  const textBytes = Math.max(0, sealed.length - TAG_BYTES);
  const parts = { text: sealed.subarray(0, textBytes), tag: new Uint8Array(TAG_BYTES) };
  parts.tag.set(sealed.subarray(textBytes));
  const { status, text } = p.open(f.bytes('key'), f.bytes('nonce'), f.bytes('associated'), parts);
  if (status === Status.INVALID_ARGUMENT) return verdict('nonce-length');
  if (sealed.length < TAG_BYTES) return verdict('text-length');
  return status === Status.OK ? output(text) : verdict('bad-tag');
}

function transfer(p: Primitives): Functions {
  const session = (f: Fields) => {
    const end = p.packets(f.bytes('keys'), f.isTrue('initiator'), f.isTrue('protected'));
    if (f.has('rekey')) end.rekey(f.bytes('rekey'), 1);
    return end;
  };
  return {
    'transfer.open-packet': (f) => {
      const end = session(f);
      const frame = end.open(f.bytes('packet'));
      end.end();
      return frame ? output(frame) : verdict('unclaimed');
    },
    // The packet behind as many others.
    'transfer.seal-packet': (f) => {
      const end = session(f);
      for (let n = f.number('before'); n > 0; n--) end.seal(new Uint8Array(60));
      const packet = end.seal(f.bytes('frame'), f.number('length'));
      end.end();
      return output(packet);
    },
    'transfer.lz4-pack': (f) => {
      const packed = p.lz4Pack(f.bytes('bytes'), f.number('room'));
      if (!packed) return verdict('none');
      return output(Uint8Array.from([...bytesOf(hexOfNumber(packed.held, 4)), ...packed.block]));
    },
    'transfer.lz4-unpack': (f) => {
      const bytes = p.lz4Unpack(f.bytes('block'));
      return bytes ? output(bytes) : verdict('none');
    },
  };
}
