/**
 * The primitives of a component beside those of the raw engine: byte for byte the same, for every
 * vector and for texts of any length. Gives the names of the cases in which they differ.
 */

import type * as component from '@andvari/host-common/component';
import { Status } from '@andvari/host-common/engine/generated/status';
import type { Primitives } from '../engine/primitives.ts';
import { fromHex, toHex } from '../engine/vector-state.ts';
import aes128 from '../vectors/aes128_ctr.json' with { type: 'json' };
import blake3 from '../vectors/blake3.json' with { type: 'json' };
import chacha from '../vectors/chacha20_poly1305.json' with { type: 'json' };
import crc32 from '../vectors/crc32.json' with { type: 'json' };
import hchacha from '../vectors/hchacha20.json' with { type: 'json' };
import md5 from '../vectors/md5.json' with { type: 'json' };
import xchacha from '../vectors/xchacha20_poly1305.json' with { type: 'json' };
import { faultOf } from './faults.ts';

type Component = Pick<typeof component, 'hash' | 'cipher'>;
type Compare = (name: string, one: unknown, other: unknown) => void;
const ascii = (text: string) => new TextEncoder().encode(text);
const ofBytes = (value: unknown) => (value instanceof Uint8Array ? toHex(value) : `${value}`);

export function differences(raw: Primitives, { hash, cipher }: Component): string[] {
  const different: string[] = [];
  const compare: Compare = (name, one, other) => {
    if (ofBytes(one) !== ofBytes(other)) different.push(name);
  };
  compareDigests(raw, hash, compare);
  compareBlake3(raw, hash, compare);
  compareCiphers(raw, cipher, compare);
  for (const { cases } of [chacha, xchacha]) compareSealing(raw, cipher, compare, cases);
  return different;
}

function compareDigests(raw: Primitives, hash: Component['hash'], compare: Compare): void {
  for (const { input } of crc32.cases) {
    compare('crc32', raw.crc32(fromHex(input)), hash.crc32(fromHex(input)));
  }
  for (const item of md5.cases) compare('md5', item.md5, hash.md5(fromHex(item.input)));
  for (let length = 0; length < 300; length += 7) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 31 + length);
    compare('md5', raw.md5(bytes), hash.md5(bytes));
    compare('sha256', raw.sha256(bytes), hash.sha256(bytes));
    const mac = hash.hmacSha256(bytes, bytes);
    compare('hmac-sha256', raw.hmacSha256(bytes, bytes), mac);
  }
}

function compareBlake3(raw: Primitives, hash: Component['hash'], compare: Compare): void {
  const key = ascii(blake3.key);
  const context = ascii(blake3.context_string);
  for (const { input_len: length } of blake3.cases) {
    const input = Uint8Array.from({ length }, (_, i) => i % 251);
    compare('blake3', raw.blake3(input, 131), hash.blake3(input, 131));
    compare('blake3-keyed', raw.blake3(input, 131, { key }), hash.blake3Keyed(key, input, 131));
    const derived = hash.blake3Derive(context, input, 131);
    compare('blake3-derive', raw.blake3(input, 131, { context }), derived);
    if (length === 0) continue;
    const part = hash.blake3Part(input, 256n);
    compare('blake3-part', raw.blake3Part(input, 256), part);
    for (const root of [false, true]) {
      const both = hash.blake3Parent(part, key, root);
      compare('blake3-parent', raw.blake3Parent(part, key, root), both);
    }
  }
}

function compareCiphers(raw: Primitives, cipher: Component['cipher'], compare: Compare): void {
  for (const item of aes128.cases) {
    const [key, counter, text] = [item.key, item.counter_block, item.plaintext].map(
      fromHex,
    ) as Three;
    compare('ctr', raw.ctr(key, counter, text).bytes, cipher.ctr(key, counter, text));
  }
  for (const { key, nonce16 } of hchacha.cases) {
    const [one, other] = [fromHex(key), fromHex(nonce16)];
    compare('hchacha20', raw.hchacha20(one, other), cipher.hchacha20(one, other));
  }
  const key = Uint8Array.from({ length: 32 }, (_, i) => i + 3);
  const counter = new Uint8Array(16).fill(0xff);
  const nonce = key.subarray(4, 16);
  for (let length = 0; length < 700; length += 23) {
    const text = Uint8Array.from({ length }, (_, i) => i ^ length);
    compare('ctr', raw.ctr(key, counter, text).bytes, cipher.ctr(key, counter, text));
    const streamed = cipher.chacha20(key, 4294967290, nonce, text);
    compare('chacha20', raw.chacha20(key, 4294967290, nonce, text), streamed);
  }
}

type Three = [Uint8Array, Uint8Array, Uint8Array];

interface SealedCase {
  key: string;
  iv: string;
  aad: string;
  ct: string;
  tag: string;
}

const faults = new Map<number, string>([
  [Status.BAD_TAG, 'bad-tag'],
  [Status.INVALID_ARGUMENT, 'nonce-length'],
]);

/** Valid and invalid ones: the same text, or the same refusal. */
function compareSealing(
  raw: Primitives,
  cipher: Component['cipher'],
  compare: Compare,
  cases: readonly SealedCase[],
): void {
  for (const item of cases) {
    const [key, nonce, aad] = [item.key, item.iv, item.aad].map(fromHex) as Three;
    const sealed = fromHex(item.ct + item.tag);
    const { status, text } = raw.open(key, nonce, aad, {
      text: fromHex(item.ct),
      tag: fromHex(item.tag),
    });
    const open = () => cipher.open(key, nonce, aad, sealed);
    // Some vectors have no tag at all, which the raw engine cannot be told.
    const isShort = sealed.length < 16 && status !== Status.INVALID_ARGUMENT;
    const due = isShort ? 'text-length' : faults.get(status);
    compare('open', due, faultOf(open));
    if (status !== Status.OK) continue;
    compare('open', text, open());
    const made = raw.seal(key, nonce, aad, text);
    compare('seal', toHex(made.text) + toHex(made.tag), cipher.seal(key, nonce, aad, text));
  }
}
