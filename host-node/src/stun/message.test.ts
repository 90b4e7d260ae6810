import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import vectors from '../../../tests/vectors/stun_rfc5769.json' with { type: 'json' };
import { addressValue, readAddress } from './addresses.ts';
import {
  attributeOf,
  BINDING,
  decodeStun,
  encodeStun,
  hasIntegrity,
  looksLikeStun,
  type StunAttribute,
  StunClass,
  type StunMessage,
  type StunProtection,
  StunType,
} from './message.ts';

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
const SOFTWARE = 0x8022;
const NONCE = 0x0015;
const REALM = 0x0014;
const keyOf = ({ key_md5: md5, password = '' }: (typeof vectors.cases)[number]) =>
  md5 === undefined ? new TextEncoder().encode(password) : bytesOf(md5);

/** It has the form of a message: its FINGERPRINT fits, where it has one. */
function decoded(bytes: Uint8Array): StunMessage {
  const message = decodeStun(bytes);
  if (!message) throw new Error('no STUN message');
  return message;
}

describe('RFC 5769', () => {
  it.each(vectors.cases)('$id', (given) => {
    const message = decoded(bytesOf(given.hex));
    expect(message.method).toBe(BINDING);
    expect(hasIntegrity(message, keyOf(given))).toBe(given.message_integrity_ok);
    if (given.software) expect(text(attributeOf(message, SOFTWARE))).toBe(given.software);
    if (given.username) expect(text(attributeOf(message, StunType.USERNAME))).toBe(given.username);
    if (given.nonce) expect(text(attributeOf(message, NONCE))).toBe(given.nonce);
    if (given.realm) expect(text(attributeOf(message, REALM))).toBe(given.realm);
    if (!given.xor_mapped_address) return;
    const value = attributeOf(message, StunType.XOR_MAPPED_ADDRESS) as Uint8Array;
    const { host, port } = readAddress(value, message.transactionId) ?? { host: '', port: 0 };
    const written = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    expect(written).toBe(given.xor_mapped_address);
    expect(addressValue({ host, port }, message.transactionId)).toEqual(Uint8Array.from(value));
  });

  it.each(vectors.cases)('$id, with another key or one bit changed', (given) => {
    const message = decoded(bytesOf(given.hex));
    expect(hasIntegrity(message, keyOf(given).subarray(1))).toBe(false);
    // Behind it stands a FINGERPRINT of 8 bytes, or nothing: without one it is a message too.
    const end = message.bytes.length - (given.fingerprint_ok ? 8 : 0);
    for (let bit = 0; bit < 8 * end; bit++) {
      const changed = bytesOf(given.hex);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const other = decodeStun(changed);
      expect(other && hasIntegrity(other, keyOf(given)), `bit ${bit}`).toBeFalsy();
    }
  });
});

const header = {
  kind: StunClass.REQUEST,
  method: BINDING,
  transactionId: Uint8Array.from({ length: 12 }, (_, i) => i),
};
const key = new TextEncoder().encode('a password');

describe('a STUN message', () => {
  it('comes back as it was made, whatever is in it', () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    for (let round = 0; round < 500; round++) {
      const attributes: StunAttribute[] = Array.from({ length: random(6) }, () => ({
        type: 0x8100 + random(16),
        value: Uint8Array.from(randomBytes(random(40))),
      }));
      const [hash] = ([undefined, 'sha1', 'sha256'] as const).slice(random(3));
      const made = {
        kind: random(4) as StunMessage['kind'],
        method: random(0x1000),
        transactionId: Uint8Array.from(randomBytes(12)),
      };
      const bytes = encodeStun(made, attributes, hash && { key, hash });
      const { kind, method, transactionId, attributes: read } = decoded(bytes);
      const about = `seed ${seed}, round ${round}`;
      expect({ kind, method, transactionId: Uint8Array.from(transactionId) }, about).toEqual(made);
      const copied = read.map(({ type, value }) => ({ type, value: Uint8Array.from(value) }));
      expect(copied, about).toEqual(attributes);
      expect(hasIntegrity(decoded(bytes), key), about).toBe(hash !== undefined);
    }
  });

  it('is none when cut, longer, changed, or of another protocol', () => {
    const whole = encodeStun(header, [{ type: 0x8100, value: new Uint8Array(5) }]);
    expect(decodeStun(whole)).toBeDefined();
    for (let end = 0; end < whole.length; end++) {
      expect(decodeStun(whole.subarray(0, end)), `${end} bytes`).toBeUndefined();
    }
    for (const more of [1, 4]) {
      expect(decodeStun(Uint8Array.from([...whole, ...Array(more).fill(0)]))).toBeUndefined();
    }
    // But for its last attribute's type: one without a FINGERPRINT is a message.
    for (let at = 0; at < whole.length; at++) {
      if (at === whole.length - 8 || at === whole.length - 7) continue;
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] as number) ^ 0x80;
      expect(decodeStun(changed), `byte ${at}`).toBeUndefined();
    }
  });

  it('has no more bytes and attributes than its bounds', () => {
    const many = (count: number) => Array(count).fill({ type: 0x8100, value: new Uint8Array() });
    expect(decodeStun(encodeStun(header, many(31)))).toBeDefined();
    expect(decodeStun(encodeStun(header, many(32)))).toBeUndefined();
    const large = (length: number) => [{ type: 0x8100, value: new Uint8Array(length) }];
    expect(encodeStun(header, large(1248))).toHaveLength(1280);
    expect(() => encodeStun(header, large(1249))).toThrow(RangeError);
    expect(looksLikeStun(new Uint8Array(1300))).toBe(false);
  });

  it('has no integrity by what stands behind one, nor by a cut one that is too short', () => {
    const protection: StunProtection = { key, hash: 'sha1' };
    const bytes = encodeStun(
      header,
      [{ type: 0x8100, value: Uint8Array.of(1, 2, 3, 4) }],
      protection,
    );
    const behind = Buffer.concat([bytes.subarray(0, -8), Buffer.from('8101000400000000', 'hex')]);
    behind.writeUInt16BE(behind.length - 20, 2);
    const message = decoded(behind);
    expect(message.attributes.map(({ type }) => type)).toEqual([0x8100]);
    expect(hasIntegrity(message, key)).toBe(true);
    const short = encodeStun(header, [
      { type: StunType.MESSAGE_INTEGRITY, value: bytes.slice(0, 16) },
    ]);
    expect(decodeStun(short)).toBeUndefined();
    const cut = encodeStun(header, [
      { type: StunType.MESSAGE_INTEGRITY_SHA256, value: bytes.slice(0, 12) },
    ]);
    expect(decodeStun(cut)).toBeUndefined();
  });

  it('has addresses of 4 or 16 bytes, and no others', () => {
    for (const value of ['', '0001', '0001000a7f0000', '0003000a7f000001', '0002000a7f000001']) {
      expect(readAddress(bytesOf(value))).toBeUndefined();
    }
    expect(readAddress(bytesOf('0001000a7f000001'))).toEqual({ host: '127.0.0.1', port: 10 });
  });
});
