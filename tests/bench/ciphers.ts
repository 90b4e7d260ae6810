/** AES-CTR of the engine (through a request of that size) beside node:crypto with KeyObjects. */
import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { Client } from '@andvari/host-common/engine/generated/client';
import { Region, Wire } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { type Candidate, measure } from './timing.ts';

/** Encrypted bytes: challenge and payload. */
const LENGTHS = [32, 64, 128, 256, 1024, 4096];
const CALLS = 64;
const CHALLENGE_BYTES = 16;

export interface CipherRow {
  bytes: number;
  engineNs: number;
  nodeNs: number;
}

/**
 * One sealed request: header, challenge with its CRC, key schedule, CTR; more than the bare cipher
 * does.
 */
export function sealing(engine: Engine, bytes: number, calls = CALLS): Candidate {
  const block = engine.region(Region.CLIENT_BLOCK) >>> 2;
  const message = engine.region(Region.LARGE_FRAMES);
  return {
    name: `engine ${bytes}`,
    units: calls,
    prepare() {
      engine.u8.set(randomBytes(16), engine.region(Region.CLIENT_BLOCK) + Client.KEY);
    },
    run() {
      for (let i = 0; i < calls; i++) {
        engine.u32[block + (Client.WIRE >>> 2)] = Wire.LEGACY;
        engine.u32[block + (Client.TYPE >>> 2)] = 1;
        engine.u32[block + (Client.MESSAGE >>> 2)] = message;
        engine.u32[block + (Client.LENGTH >>> 2)] = bytes - CHALLENGE_BYTES;
        engine.exports.requestSeal();
      }
    },
  };
}

function native(bytes: number): Candidate {
  const key = createSecretKey(randomBytes(16));
  const text = randomBytes(bytes);
  const counter = randomBytes(16);
  return {
    name: `node ${bytes}`,
    units: CALLS,
    prepare() {},
    run() {
      for (let i = 0; i < CALLS; i++) createCipheriv('aes-128-ctr', key, counter).update(text);
    },
  };
}

export async function benchCiphers(): Promise<CipherRow[]> {
  const engine = Engine.create({
    module: await plainEngine(),
    sizes: CLIENT_SIZES,
    identity: { raidaId: 0, coinId: 6, wire: 'legacy', version: '20261121' },
  });
  const times = measure(LENGTHS.flatMap((bytes) => [sealing(engine, bytes), native(bytes)]));
  const ns = (name: string) => times.get(name) ?? Number.NaN;
  return LENGTHS.map((bytes) => ({
    bytes,
    engineNs: ns(`engine ${bytes}`),
    nodeNs: ns(`node ${bytes}`),
  }));
}
