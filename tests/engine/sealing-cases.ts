/**
 * BLAKE3, ChaCha20-Poly1305 and XChaCha20-Poly1305 of the engine against the vectors of their
 * authors and of Wycheproof, and the packets of profile R1 put together from them. Web-standard
 * only.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { expect, it } from 'vitest';
import blake3 from '../vectors/blake3.json' with { type: 'json' };
import chacha from '../vectors/chacha20_poly1305.json' with { type: 'json' };
import hchacha from '../vectors/hchacha20.json' with { type: 'json' };
import profile from '../vectors/transfer_profile_r1.json' with { type: 'json' };
import xchacha from '../vectors/xchacha20_poly1305.json' with { type: 'json' };
import type { Primitives } from './primitives.ts';
import { fromHex, toHex } from './vector-state.ts';

type Later = Promise<Primitives>;
const ascii = (text: string) => new TextEncoder().encode(text);
const join = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));

/** The input of the BLAKE3 vectors. */
function repeated(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

/** The files of profile R1 by their rule. */
function fileOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + length) & 255);
}

export function runBlake3Cases(primitives: Later): void {
  it('BLAKE3: hash, keyed hash and key derivation with 131 bytes of output', async () => {
    const p = await primitives;
    const key = ascii(blake3.key);
    const context = ascii(blake3.context_string);
    for (const item of blake3.cases) {
      const input = repeated(item.input_len);
      const length = item.hash.length / 2;
      expect(toHex(p.blake3(input, length)), `${item.input_len}`).toBe(item.hash);
      expect(toHex(p.blake3(input, length, { key }))).toBe(item.keyed_hash);
      expect(toHex(p.blake3(input, length, { context }))).toBe(item.derive_key);
      expect(toHex(p.blake3(input, 32))).toBe(item.hash.slice(0, 64));
    }
  });
  it('BLAKE3 in pieces of any length is BLAKE3 of the whole', async () => {
    const p = await primitives;
    for (const item of blake3.cases) {
      const input = repeated(item.input_len);
      for (const pieces of [[1024], [4096, 1], [63, 65, 1023, 1025], [16385, 2047, 5]]) {
        const digest = toHex(p.blake3Pieces(input, pieces));
        expect(digest, `${item.input_len} in ${pieces}`).toBe(item.hash.slice(0, 64));
      }
    }
  });
  it('BLAKE3 of a file is that of its 256 KiB parts, joined', async () => {
    const p = await primitives;
    for (const { length, blake3_whole_file: whole } of profile.files) {
      const file = fileOf(length);
      if (length <= 262144) expect(toHex(p.blake3(file, 32)), `${length}`).toBe(whole);
      if (length <= 262144) continue;
      let values: Uint8Array[] = [];
      for (let at = 0; at < length; at += 262144) {
        const part = file.subarray(at, at + 262144);
        const value = p.blake3Part(part, at / 1024);
        expect(p.blake3Pieces(part, [16384], at / 1024)).toEqual(value);
        values.push(value);
      }
      while (values.length > 1) {
        const parents: Uint8Array[] = [];
        for (let i = 0; i < values.length; i += 2) {
          const [left, right] = values.slice(i, i + 2);
          if (left && right) parents.push(p.blake3Parent(left, right, values.length === 2));
          else if (left) parents.push(left);
        }
        values = parents;
      }
      expect(toHex(values[0] ?? file), `${length}`).toBe(whole);
    }
  });
}

export function runSealingCases(primitives: Later): void {
  it('HChaCha20', async () => {
    const p = await primitives;
    for (const { key, nonce16, out } of hchacha.cases) {
      expect(toHex(p.hchacha20(fromHex(key), fromHex(nonce16)))).toBe(out);
    }
  });
  const aeads: [string, { cases: Sealed[] }][] = [
    ['ChaCha20-Poly1305', chacha as { cases: Sealed[] }],
    ['XChaCha20-Poly1305', xchacha as { cases: Sealed[] }],
  ];
  for (const [name, { cases }] of aeads) {
    it(`${name}: ${cases.length} cases, valid and invalid`, async () => {
      const p = await primitives;
      for (const item of cases) aeadCase(p, item);
    });
  }
  it('ChaCha20, RFC 8439 2.4.2', async () => {
    const p = await primitives;
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const text = ascii(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the " +
        'future, sunscreen would be it.',
    );
    const sealed = toHex(p.chacha20(key, 1, fromHex('000000000000004a00000000'), text));
    expect(sealed.slice(0, 64)).toBe(
      '6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b',
    );
    expect(sealed.slice(-32)).toBe('0bbf74a35be6b40b8eedf2785e42874d');
  });
  it('profile R1: schedules, packets, header protection, path CIDs, reset token', async () => {
    const p = await primitives;
    for (const item of profile.cases) profileCase(p, item as Profile);
  });
  it('profile R1: packets opened and sealed by sessions of the engine', async () => {
    const p = await primitives;
    for (const item of profile.cases) sessionCase(p, item as Profile);
  });
}

interface Sealed {
  tcId: number | string;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result?: string;
}

function aeadCase(p: Primitives, item: Sealed): void {
  const [key, iv, aad] = [fromHex(item.key), fromHex(item.iv), fromHex(item.aad)];
  const name = `${item.tcId}`;
  const sealed = { text: fromHex(item.ct), tag: fromHex(item.tag) };
  const opened = p.open(key, iv, aad, sealed);
  if ((item.result ?? 'valid') === 'valid') {
    const made = p.seal(key, iv, aad, fromHex(item.msg));
    expect(toHex(made.text), name).toBe(item.ct);
    expect(toHex(made.tag), name).toBe(item.tag);
    expect(toHex(made.guard), name).toBe('a5'.repeat(16));
    expect(opened.status, name).toBe(Status.OK);
    expect(toHex(opened.text), name).toBe(item.msg);
    sealed.tag[7] = (sealed.tag[7] ?? 0) ^ 1;
    expect(p.open(key, iv, aad, sealed).status, name).toBe(Status.BAD_TAG);
    return;
  }
  expect(opened.status, name).not.toBe(Status.OK);
  expect(toHex(opened.text), name).toBe(item.ct);
}

interface EpochKeys {
  chain_i2r: string;
  chain_r2i: string;
  salt_i2r: string;
  salt_r2i: string;
  cid: string;
  root: string;
}

interface PacketCase {
  direction: string;
  packet_number: number;
  message_key: string;
  nonce: string;
  aad_wire_cid: string;
  frame: string;
  packet: string;
}

interface Profile {
  noise: { k1: string; k2: string; h: string };
  prk: string;
  epoch0: EpochKeys;
  packets: PacketCase[];
  rekey: { ratchet_seq: number; dh: string; prk: string; epoch1: EpochKeys };
  extras?: {
    epoch0_hp: string;
    epoch0_path_key: string;
    epoch0_path_cid_1: string;
    epoch0_path_cid_2: string;
    epoch1_hp: string;
    path_packet: { frame: string; packet: string; path_index: number; packet_number: number };
    rekey_packets: { direction: string; epoch: number; frame: string; packet: string }[];
    packets_header_protected: { tag: string; packet_number: number; wire_cid: string }[];
    reset: {
      reset_key: string;
      cid_prefix: string;
      address16: string;
      port: number;
      token: string;
    };
  };
}

function profileCase(p: Primitives, item: Profile): void {
  const extract = (salt: string, material: Uint8Array) =>
    p.blake3(material, 32, { key: p.blake3(ascii(salt), 32) });
  const { k1, k2, h } = item.noise;
  const first = extract('protocol-v1', fromHex(k1 + k2 + h));
  expect(toHex(first)).toBe(item.prk);
  checkEpoch(p, first, item.epoch0);
  for (const packet of item.packets) checkPacket(p, item.epoch0, packet);
  const { dh, ratchet_seq: k, prk, epoch1 } = item.rekey;
  const material = fromHex(item.epoch0.root + dh + k.toString(16).padStart(8, '0'));
  const second = extract('ratchet', material);
  expect(toHex(second)).toBe(prk);
  checkEpoch(p, second, epoch1);
  const { extras } = item;
  if (!extras) return;
  const of = (from: Uint8Array, label: string, length: number) =>
    toHex(p.blake3(ascii(label), length, { key: from }));
  expect(of(first, 'hp', 32)).toBe(extras.epoch0_hp);
  expect(of(second, 'hp', 32)).toBe(extras.epoch1_hp);
  expect(of(first, 'path-cid', 32)).toBe(extras.epoch0_path_key);
  const pathKey = fromHex(extras.epoch0_path_key);
  const paths = [extras.epoch0_path_cid_1, extras.epoch0_path_cid_2];
  paths.forEach((cid, i) => {
    expect(toHex(p.blake3(Uint8Array.of(i + 1), 8, { key: pathKey }))).toBe(cid);
  });
  for (const { tag, packet_number: n, wire_cid: wire } of extras.packets_header_protected) {
    const mask = p.blake3(fromHex(tag), 4, { key: fromHex(extras.epoch0_hp) });
    expect(wire).toBe(toHex(cidOf(item.epoch0.cid, n, mask)));
  }
  const { reset_key: resetKey, cid_prefix: prefix, address16, port, token } = extras.reset;
  const of16 = fromHex(prefix + address16 + port.toString(16).padStart(4, '0'));
  expect(toHex(p.blake3(of16, 16, { key: fromHex(resetKey) }))).toBe(token);
}

function checkEpoch(p: Primitives, prk: Uint8Array, keys: EpochKeys): void {
  const expand = (label: string, length: number) =>
    toHex(p.blake3(ascii(label), length, { key: prk }));
  expect(expand('i2r-data', 32)).toBe(keys.chain_i2r);
  expect(expand('r2i-data', 32)).toBe(keys.chain_r2i);
  expect(expand('i2r-nonce', 4)).toBe(keys.salt_i2r);
  expect(expand('r2i-nonce', 4)).toBe(keys.salt_r2i);
  expect(expand('connection-id', 8)).toBe(keys.cid);
  expect(expand('ratchet-root', 32)).toBe(keys.root);
}

function cidOf(cid: string, n: number, mask: Uint8Array = new Uint8Array(4)): Uint8Array {
  const bytes = fromHex(cid);
  const number = new DataView(new ArrayBuffer(4));
  number.setUint32(0, n);
  return bytes.map((byte, i) =>
    i < 4 ? byte : byte ^ number.getUint8(i - 4) ^ (mask[i - 4] ?? 0),
  );
}

function checkPacket(p: Primitives, keys: EpochKeys, packet: PacketCase): void {
  const upward = packet.direction === 'i2r';
  let chain: Uint8Array = fromHex(upward ? keys.chain_i2r : keys.chain_r2i);
  for (let n = 0; n < packet.packet_number; n++) {
    chain = p.blake3(join(chain, Uint8Array.of(1)), 32);
  }
  const key = p.blake3(join(chain, Uint8Array.of(2)), 32);
  expect(toHex(key)).toBe(packet.message_key);
  const aad = cidOf(keys.cid, packet.packet_number);
  expect(toHex(aad)).toBe(packet.aad_wire_cid);
  const { text, tag } = p.seal(key, fromHex(packet.nonce), aad, fromHex(packet.frame));
  expect(toHex(join(aad, text, tag))).toBe(packet.packet);
}

/** The vectors' packets through two sessions: all are opened, those without padding made again. */
function sessionCase(p: Primitives, item: Profile): void {
  const keys = () => fromHex(item.noise.k1 + item.noise.k2 + item.noise.h);
  const ends = [p.packets(keys(), true, false), p.packets(keys(), false, false)] as const;
  const [initiator, responder] = ends;
  for (const { direction, frame, packet } of item.packets) {
    const to = direction === 'i2r' ? responder : initiator;
    expect(toHex(to.open(fromHex(packet)) ?? keys())).toBe(frame);
    expect(to.open(fromHex(packet)), 'a second time').toBe(undefined);
  }
  const sealed = new Map<string, number>();
  for (const { direction, packet_number: n, frame, packet } of item.packets) {
    const from = direction === 'i2r' ? initiator : responder;
    for (let i = sealed.get(direction) ?? 0; i < n; i++) from.seal(new Uint8Array(60));
    sealed.set(direction, n + 1);
    const made = from.seal(fromHex(frame));
    if (isFull(frame)) expect(toHex(made)).toBe(packet);
    else expect(made.length).toBe(packet.length / 2);
  }
  for (const end of ends) expect(end.end()).toBe(true);
  expect(initiator.end(), 'there is none any more').toBe(false);
  if (item.extras) protectedCase(p, item, item.extras);
}

/** Whether a frame has no padding: ours is zeros, that of the vectors random. */
function isFull(frame: string): boolean {
  const bytes = fromHex(frame);
  return bytes.length === 28 + new DataView(bytes.buffer).getUint16(24);
}

function protectedCase(p: Primitives, item: Profile, extras: NonNullable<Profile['extras']>): void {
  const keys = () => fromHex(item.noise.k1 + item.noise.k2 + item.noise.h);
  const [initiator, responder] = [p.packets(keys(), true, true), p.packets(keys(), false, true)];
  const { path_packet: moved, rekey_packets: rekey } = extras;
  expect(toHex(responder.open(fromHex(moved.packet)) ?? keys())).toBe(moved.frame);
  for (let i = 0; i < 7; i++) initiator.seal(new Uint8Array(60));
  for (let i = 0; i < 301; i++) responder.seal(new Uint8Array(60));
  for (const { direction, epoch, frame, packet } of rekey) {
    // Refused the second time: it is there.
    if (epoch === 1) for (const end of [initiator, responder]) end.rekey(fromHex(item.rekey.dh), 1);
    const [from, to] = direction === 'i2r' ? [initiator, responder] : [responder, initiator];
    const made = toHex(from.seal(fromHex(frame)));
    if (isFull(frame)) expect(made).toBe(packet);
    expect(toHex(to.open(fromHex(packet)) ?? keys())).toBe(frame);
  }
  for (const end of [initiator, responder]) end.end();
}
