/**
 * npm run bench:component: ns a call of the raw exports beside the component's JavaScript binding,
 * each given bytes and giving bytes, and the artefacts' sizes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cipher, hash, ratatoskr } from '@andvari/host-common/component';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { artefacts, componentFolder } from '../../../scripts/component.mjs';
import { Primitives } from '../../engine/primitives.ts';
import { NOW_S, requestOf } from '../../ratatoskr/vectors.ts';
import { root } from '../../tidy/tree.ts';
import { type Candidate, measure } from '../timing.ts';

const CALLS = 64;

/** What is measured, as the raw engine and as the component do it. */
interface Pair {
  name: string;
  raw(): unknown;
  component(): unknown;
}

async function pairs(): Promise<Pair[]> {
  const module = await plainEngine();
  const raw = new Primitives(module);
  const codec = RatatoskrCodec.create({ module });
  const [small, large] = [new Uint8Array(32).fill(3), new Uint8Array(1400).fill(4)];
  const [counter, nonce, none] = [new Uint8Array(16), new Uint8Array(12), new Uint8Array(0)];
  const message = codec.encodeRequest(requestOf());
  const now = BigInt(NOW_S);
  return [
    { name: 'crc32 32 B', raw: () => raw.crc32(small), component: () => hash.crc32(small) },
    { name: 'sha256 32 B', raw: () => raw.sha256(small), component: () => hash.sha256(small) },
    {
      name: 'ctr 1400 B',
      raw: () => raw.ctr(small, counter, large),
      component: () => cipher.ctr(small, counter, large),
    },
    {
      name: 'seal 1400 B',
      raw: () => raw.seal(small, nonce, none, large),
      component: () => cipher.seal(small, nonce, none, large),
    },
    {
      name: 'ratatoskr open-request',
      raw: () => codec.openRequest(message, NOW_S),
      component: () => ratatoskr.openRequest(message, now, 0),
    },
  ];
}

function candidate(name: string, call: () => unknown): Candidate {
  const run = () => {
    for (let i = 0; i < CALLS; i++) call();
  };
  return { name, units: CALLS, prepare: () => undefined, run };
}

const rows: Record<string, Record<string, number>> = {};
for (const { name, raw, component } of await pairs()) {
  const least = measure([candidate('raw', raw), candidate('component', component)]);
  const [one = 0, other = 0] = [least.get('raw'), least.get('component')];
  rows[name] = {
    'raw ns': Math.round(one),
    'component ns': Math.round(other),
    ratio: Math.round((100 * other) / one) / 100,
  };
}
console.table(rows);
for (const [name, limit] of Object.entries(artefacts)) {
  const bytes = readFileSync(join(root, componentFolder, name));
  const packed = gzipSync(bytes, { level: 9 }).length;
  console.log(`${name}: ${bytes.length} bytes, ${packed} under gzip, at most ${limit}`);
}
