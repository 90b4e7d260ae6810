/**
 * Packets of transfer sealed and opened by the engine, whole (ratchet, head, AEAD) and the AEAD
 * alone, beside node:crypto and @noble; BLAKE3 beside @noble. One core, no sockets.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { type Candidate, measure } from '../timing.ts';

/** Payload, frame and packet of a full IPv4 Ethernet packet (reference: transfer section 1.5). */
const PAYLOAD = 1420;
const FRAME = PAYLOAD + 28;
const PACKET = FRAME + 24;
const CALLS = 32;
/** A part of a file. */
const PART = 262144;

export interface TransferCryptoRow {
  what: string;
  /** Nanoseconds a call, and bytes of one. */
  ns: number;
  bytes: number;
  /** The row that this one is compared with. */
  peer?: string;
}

/** Room of an engine, as addresses. */
interface Room {
  engine: Engine;
  keys: number;
  /** CALLS packets, one behind the other. */
  packets: number;
}

/** Two sessions of packets, the first of which has called. */
function ends({ engine, keys }: Room, headerProtection: boolean): [number, number] {
  const material = randomBytes(96);
  const start = (initiator: number) => {
    engine.u8.set(material, keys);
    return engine.exports.packetsStart(keys, initiator, headerProtection ? 1 : 0);
  };
  return [start(1), start(0)];
}

function writeHeads({ engine, packets }: Room): void {
  for (let i = 0; i < CALLS; i++) {
    const frame = packets + i * PACKET + 8;
    engine.u8[frame + 8] = 1;
    new DataView(engine.u8.buffer).setUint16(frame + 24, PAYLOAD);
  }
}

function sealAll({ engine, packets }: Room, session: number): void {
  for (let i = 0; i < CALLS; i++) {
    if (engine.exports.packetsSeal(session, packets + i * PACKET, PACKET) !== PACKET) {
      throw new Error('a packet was not sealed');
    }
  }
}

function openAll({ engine, packets }: Room, session: number): void {
  for (let i = 0; i < CALLS; i++) {
    if (engine.exports.packetsOpen(session, packets + i * PACKET, PACKET) !== 0) {
      throw new Error('a packet was not opened');
    }
  }
}

function wholePackets(room: Room, headerProtection: boolean): Candidate[] {
  const [from] = ends(room, headerProtection);
  const [sender, receiver] = ends(room, headerProtection);
  const how = headerProtection ? ', header protection' : '';
  return [
    {
      name: `seal${how}`,
      units: CALLS,
      prepare: () => writeHeads(room),
      run: () => sealAll(room, from),
    },
    {
      name: `open${how}`,
      units: CALLS,
      prepare: () => {
        writeHeads(room);
        sealAll(room, sender);
      },
      run: () => openAll(room, receiver),
    },
  ];
}

function aead({ engine, keys, packets }: Room, nonceBytes: number): Candidate {
  const tag = packets + 8 + FRAME;
  return {
    name: nonceBytes === 24 ? 'XChaCha20-Poly1305' : 'ChaCha20-Poly1305',
    units: CALLS,
    prepare() {},
    run() {
      for (let i = 0; i < CALLS; i++) {
        engine.exports.aeadSeal(
          ...([keys, keys + 32, nonceBytes, packets, 8, packets + 8, FRAME, tag] as const),
        );
      }
    },
  };
}

const NODE_SEAL = 'node:crypto chacha20-poly1305, seal, a key for each packet';
const NODE_SEAL_ONE_KEY = 'node:crypto chacha20-poly1305, seal, one key for all';
const NODE_OPEN = 'node:crypto chacha20-poly1305, open, a key for each packet';
const NOBLE_SEAL = '@noble xchacha20-poly1305, seal';
const OPTIONS = { authTagLength: 16 };

function nodeParts() {
  const bytes = (length: number) => randomBytes(length);
  return { key: bytes(32), nonce: bytes(12), cid: bytes(8), frame: bytes(FRAME) };
}

/**
 * Each packet has a key of its own, so the peer makes a KeyObject for each: raw key bytes would
 * cost it four times as much, and one KeyObject for all is what no packet ratchet can have.
 */
function nodeSeal(oneKey: boolean): Candidate {
  const { key, nonce, cid, frame } = nodeParts();
  const known = createSecretKey(key);
  return {
    name: oneKey ? NODE_SEAL_ONE_KEY : NODE_SEAL,
    units: CALLS,
    prepare() {},
    run() {
      for (let i = 0; i < CALLS; i++) {
        const keyObject = oneKey ? known : createSecretKey(key);
        const cipher = createCipheriv('chacha20-poly1305', keyObject, nonce, OPTIONS);
        cipher.setAAD(cid, { plaintextLength: FRAME });
        cipher.update(frame);
        cipher.final();
        cipher.getAuthTag();
      }
    },
  };
}

function nodeOpen(): Candidate {
  const { key, nonce, cid, frame } = nodeParts();
  const cipher = createCipheriv('chacha20-poly1305', createSecretKey(key), nonce, OPTIONS);
  cipher.setAAD(cid, { plaintextLength: FRAME });
  const sealed = Buffer.concat([cipher.update(frame), cipher.final()]);
  const tag = cipher.getAuthTag();
  return {
    name: NODE_OPEN,
    units: CALLS,
    prepare() {},
    run() {
      for (let i = 0; i < CALLS; i++) {
        const keyObject = createSecretKey(key);
        const decipher = createDecipheriv('chacha20-poly1305', keyObject, nonce, OPTIONS);
        decipher.setAAD(cid, { plaintextLength: FRAME });
        decipher.setAuthTag(tag);
        decipher.update(sealed);
        decipher.final();
      }
    },
  };
}

function nobleSeal(): Candidate {
  const { key, cid, frame } = nodeParts();
  const nonce = randomBytes(24);
  return {
    name: NOBLE_SEAL,
    units: CALLS,
    prepare() {},
    run() {
      for (let i = 0; i < CALLS; i++) xchacha20poly1305(key, nonce, cid).encrypt(frame);
    },
  };
}

function hashes({ engine, keys, packets }: Room): Candidate[] {
  const part = randomBytes(PART);
  engine.u8.set(part, packets);
  return [
    {
      name: 'BLAKE3',
      units: 1,
      prepare() {},
      run: () => engine.exports.digestBlake3(packets, PART, keys, 32),
    },
    {
      name: 'noble BLAKE3',
      units: 1,
      prepare() {},
      run: () => {
        blake3(part.subarray(0, 16384));
      },
    },
  ];
}

export async function benchTransferCrypto(): Promise<TransferCryptoRow[]> {
  const engine = Engine.create({
    module: await plainEngine(),
    sizes: { ...CLIENT_SIZES, largeFrames: 6, transfer: { sessions: 8 } },
    identity: { raidaId: 0, coinId: 6, wire: 'spec', version: '20261121' },
  });
  const keys = (engine.region(Region.LARGE_FRAMES) + 63) & ~63;
  const room = { engine, keys, packets: keys + 256 };
  const candidates = [
    ...wholePackets(room, false),
    ...wholePackets(room, true),
    ...[aead(room, 24), aead(room, 12)],
    ...[nodeSeal(false), nodeSeal(true), nodeOpen(), nobleSeal()],
  ];
  const times = measure(candidates);
  const hashTimes = measure(hashes(room));
  const ns = (name: string) => times.get(name) ?? hashTimes.get(name) ?? Number.NaN;
  const packet = (what: string, name: string, peer?: string): TransferCryptoRow => ({
    ...{ what, ns: ns(name), bytes: PAYLOAD },
    ...(peer ? { peer } : {}),
  });
  return [
    packet('seal a packet, 1420 bytes of payload', 'seal', NODE_SEAL),
    packet('the same under header protection', 'seal, header protection', NODE_SEAL),
    packet('open a packet, 1420 bytes of payload', 'open', NODE_OPEN),
    packet('the same under header protection', 'open, header protection', NODE_OPEN),
    packet('XChaCha20-Poly1305 alone, seal', 'XChaCha20-Poly1305', NODE_SEAL),
    packet('ChaCha20-Poly1305 alone, seal', 'ChaCha20-Poly1305', NODE_SEAL),
    ...[NODE_SEAL, NODE_SEAL_ONE_KEY, NODE_OPEN, NOBLE_SEAL].map((name) => packet(name, name)),
    { what: 'BLAKE3 of 256 KiB', ns: ns('BLAKE3'), bytes: PART, peer: '@noble BLAKE3 of 16 KiB' },
    { what: '@noble BLAKE3 of 16 KiB', ns: ns('noble BLAKE3'), bytes: 16384 },
  ];
}
