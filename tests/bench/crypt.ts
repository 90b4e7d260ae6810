/**
 * What the AES instructions of the processor are worth to the engine: the same engine with and
 * without them, sealing requests of several sizes (a cipher call each, under a new key) and
 * answering detects of several sizes, each request under a key of its own.
 */
import { CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { NATIVE_CTR_BYTES_MIN } from '@andvari/host-common/engine/generated/limits';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import type { CryptAddon } from '@andvari/native-io/crypt';
import { cryptAddon } from '../engine/crypt-addon.ts';
import { sealing } from './ciphers.ts';
import { candidateOf } from './engine.ts';
import { aes, anOf, auth, coin } from './requests.ts';
import { type Candidate, measure } from './timing.ts';

/** Bytes under the cipher in a sealed request; a body holds 65535 at most. */
const SEALED = [64, 128, 256, 1024, 4096, 16384, 65528];
const COINS = [1, 16, 100, 400];
/** Bytes of a detect under the cipher for each coin; 16 more for the challenge. */
const COIN_BYTES = 21;
/** What each `least` on trial means: from that length on the processor's instructions do it. */
const LEASTS = [NATIVE_CTR_BYTES_MIN, 17, 257];

export interface CryptRow {
  what: string;
  ns: number;
  /** The engine's own AES, same work, same run. */
  wasmNs: number;
}

interface Engines {
  plain: WebAssembly.Module;
  shared: WebAssembly.Module;
}

interface Variant {
  name: string;
  nativeCtr?: NativeCtr;
}

function variantsOf(addon: CryptAddon): Variant[] {
  const best = LEASTS.map((least) => ({
    name: `${addon.cryptImplementations[0]} from ${least} B`,
    nativeCtr: { over: (memory: WebAssembly.Memory) => addon.cryptCtr(memory), least },
  }));
  const others = addon.cryptImplementations.slice(1).map((name) => ({
    name: `${name} from ${NATIVE_CTR_BYTES_MIN} B`,
    nativeCtr: {
      over: (memory: WebAssembly.Memory) => addon.cryptCtr(memory, name),
      least: NATIVE_CTR_BYTES_MIN,
    },
  }));
  return [{ name: 'wasm' }, ...best, ...others];
}

function sealCandidates({ plain }: Engines, { name, nativeCtr }: Variant): Candidate[] {
  const engine = Engine.create({
    module: plain,
    nativeCtr,
    sizes: CLIENT_SIZES,
    identity: { raidaId: 0, coinId: 6, wire: 'legacy', version: '20261121' },
  });
  return SEALED.map((bytes) => ({
    ...sealing(engine, bytes, Math.max(1, Math.min(64, Math.floor(16384 / bytes)))),
    name: `${name}|seal ${bytes} bytes`,
  }));
}

function detectCandidates({ plain, shared }: Engines, variant: Variant): Candidate[] {
  return (['spec', 'legacy'] as const).flatMap((wire) => {
    const build = { module: shared, shared: true, wire, nativeCtr: variant.nativeCtr };
    const codec = new EngineCodec(plain, { wire, coinId: 6 });
    return COINS.map((coins) => {
      const list = (i: number) =>
        Array.from({ length: coins }, (_, at) =>
          coin(0, (at + i) % 1024, anOf(0, (at + i) % 1024)),
        );
      const bytes = coins * COIN_BYTES + 16;
      const candidate = candidateOf(build, codec, {
        name: 'detect',
        batch: Math.max(4, Math.min(64, Math.floor(400 / coins))),
        messages: (sealer, i) => [sealer.seal(auth(10, list(i).flat(), aes(i))).bytes],
      });
      return { ...candidate, name: `${variant.name}|detect ${coins} (${bytes} bytes), ${wire}` };
    });
  });
}

/** Undefined: no addon, or a processor without AES instructions. */
export async function benchCrypt(): Promise<CryptRow[] | undefined> {
  const addon = cryptAddon();
  if (!addon || addon.cryptImplementations.length === 0) return undefined;
  const engines = { plain: await plainEngine(), shared: await sharedEngine() };
  const variants = variantsOf(addon);
  const times = measure(
    variants.flatMap((variant) => [
      ...sealCandidates(engines, variant),
      ...detectCandidates(engines, variant),
    ]),
  );
  return [...times].map(([name, ns]) => {
    const what = name.slice(name.indexOf('|') + 1);
    return { what: name.replace('|', ': '), ns, wasmNs: times.get(`wasm|${what}`) ?? Number.NaN };
  });
}
