/** Random messages of every kind that the schema takes, and damage to their bytes. */
import { MessageKind } from '@andvari/host-common/engine/generated/ratatoskr';
import type { Values } from './oracle.ts';

type Random = (below: number) => number;

/** Characters of one to four bytes. */
const ALPHABET = [...'abcXYZ09-_:/ \u0000\u00e4\u07ff\u0800\ufeff\uffff\u{10000}\u{10ffff}'];

export function randomText(random: Random, bytesMax: number, bytesMin = 0): string {
  const bytes = bytesMin + random(bytesMax - bytesMin + 1);
  let text = '';
  for (let size = 0; size < bytes; ) {
    const next = ALPHABET[random(ALPHABET.length)] ?? 'a';
    const length = Buffer.byteLength(next);
    text += size + length <= bytes ? next : 'a'.repeat(bytes - size);
    size += Math.min(length, bytes - size);
  }
  return text;
}

export function randomBytes(random: Random, bytesMax: number, bytesMin = 0): Buffer {
  return Buffer.from(
    Array.from({ length: bytesMin + random(bytesMax - bytesMin + 1) }, () => random(256)),
  );
}

export function randomInt64(random: Random): bigint {
  const edge = [0n, 1n, -1n, 127n, 128n, 2n ** 63n - 1n, -(2n ** 63n)][random(14)];
  const bits = BigInt(`0x${randomBytes(random, 8, 8).toString('hex')}`) >> BigInt(random(64));
  return edge ?? BigInt.asIntN(64, bits);
}

function randomMetadata(random: Random): Values {
  const entries = random(3) ? random(4) : random(33);
  const keyMax = random(4) ? 8 : 64;
  const valueMax = random(4) ? 8 : 1024;
  return Object.fromEntries(
    Array.from({ length: entries }, (_, i) => [
      `${i}${randomText(random, keyMax - 2)}`,
      randomText(random, valueMax),
    ]),
  );
}

/** Values in the form of oracleEncode, default values included. */
export function randomValues(random: Random, kind: number): Values {
  const small = random(4) > 0;
  const id = () => randomText(random, small ? 12 : 256, 1);
  const payload = randomBytes(random, small ? 40 : 3000);
  const timestamp = `${randomInt64(random)}`;
  switch (kind) {
    case MessageKind.REQUEST:
      return {
        message_type: [1, 3, 4, 5][random(4)],
        request_id: id(),
        device_id: id(),
        user_id: id(),
        timestamp,
        nonce: randomBytes(random, 64, 8),
        signature: randomBytes(random, 64, 64),
        payload,
        metadata: randomMetadata(random),
      };
    case MessageKind.RESPONSE:
      return {
        message_type: [2, 3, 6][random(3)],
        request_id: id(),
        timestamp,
        success: random(2) === 1,
        error_code: randomText(random, 64),
        error_message: randomText(random, small ? 20 : 1024),
        payload,
        metadata: randomMetadata(random),
      };
    case MessageKind.CONNECTION_REQUEST:
      return {
        device_identity: randomText(random, 256),
        authentication_token: randomText(random, small ? 20 : 4096),
        version: randomText(random, 32),
      };
    default:
      return {
        accepted: random(2) === 1,
        session_id: randomText(random, 256),
        expires_at: timestamp,
        server_version: randomText(random, 32),
      };
  }
}

/** One to three damages: bits, bytes, runs that go, come, come twice, come from elsewhere. */
export function damage(random: Random, message: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = Buffer.from(message);
  for (let times = 1 + random(3); times > 0; times--) {
    const at = random(bytes.length + 1);
    const run = 1 + random(random(3) ? 4 : 40);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (random(8)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)] ?? 0;
        break;
      case 2:
        bytes = Buffer.from(before);
        break;
      case 3:
        bytes = Buffer.concat([before, after.subarray(run)]);
        break;
      case 4:
        bytes = Buffer.concat([before, randomBytes(random, run), after]);
        break;
      case 5:
        bytes = Buffer.concat([before, after.subarray(0, run), after]);
        break;
      case 6:
        bytes = Buffer.concat([before, other.subarray(random(other.length + 1))]);
        break;
      default:
        // A field that nobody knows, or one that is there again, whole.
        bytes = Buffer.concat([bytes, Buffer.of(8 * (1 + random(15)) + 2, run), after]);
    }
  }
  return bytes;
}
