// Hash and cipher of the component beside the raw engine's; what no argument may be; and that a
// module with one wrong byte in a table is noticed.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as component from '@andvari/host-common/component';
import { plainEngine } from '@andvari/host-common/engine/module';
import { describe, expect, it } from 'vitest';
import { bindingOf, componentOf, coreModule } from '../../scripts/component.mjs';
import { Primitives } from '../engine/primitives.ts';
import { root } from '../tidy/tree.ts';
import { faultOf } from './faults.ts';
import { differences } from './primitives-cases.ts';

const { cipher, hash } = component;
const bytes = (length: number) => new Uint8Array(length);

describe('hash and cipher of the component', () => {
  it('give byte for byte what the raw engine gives', async () => {
    expect(differences(new Primitives(await plainEngine()), component)).toEqual([]);
  });

  it('name what an argument is not', () => {
    expect(faultOf(() => cipher.ctr(bytes(15), bytes(16), bytes(1)))).toBe('key-length');
    expect(faultOf(() => cipher.ctr(bytes(32), bytes(15), bytes(1)))).toBe('nonce-length');
    expect(faultOf(() => cipher.ctr(bytes(32), bytes(16), bytes(1)))).toBeUndefined();
    expect(faultOf(() => cipher.chacha20(bytes(31), 0, bytes(12), bytes(1)))).toBe('key-length');
    expect(faultOf(() => cipher.chacha20(bytes(32), 0, bytes(13), bytes(1)))).toBe('nonce-length');
    expect(faultOf(() => cipher.hchacha20(bytes(16), bytes(16)))).toBe('key-length');
    expect(faultOf(() => cipher.hchacha20(bytes(32), bytes(12)))).toBe('nonce-length');
    for (const call of [cipher.seal, cipher.open]) {
      expect(faultOf(() => call(bytes(33), bytes(12), bytes(0), bytes(16)))).toBe('key-length');
      expect(faultOf(() => call(bytes(32), bytes(16), bytes(0), bytes(16)))).toBe('nonce-length');
    }
    const short = () => cipher.open(bytes(32), bytes(24), bytes(0), bytes(15));
    expect(faultOf(short)).toBe('text-length');
    expect(faultOf(() => hash.blake3Keyed(bytes(0), bytes(1), 32))).toBe('key-length');
    expect(faultOf(() => hash.blake3(bytes(1), 1048577))).toBe('output-length');
    expect(faultOf(() => hash.blake3(bytes(1), 1048576))).toBeUndefined();
    expect(faultOf(() => hash.blake3Derive(bytes(1), bytes(1), 2 ** 32 - 1))).toBe('output-length');
    expect(faultOf(() => hash.blake3Part(bytes(0), 0n))).toBe('part');
    expect(faultOf(() => hash.blake3Part(bytes(1025), 1n))).toBe('part');
    expect(faultOf(() => hash.blake3Part(bytes(1), 2n ** 63n))).toBe('part');
    expect(faultOf(() => hash.blake3Parent(bytes(32), bytes(31), true))).toBe('value-length');
  });

  it('grow the memory for long texts, and go on', () => {
    const long = bytes(40_000_000);
    expect(hash.crc32(long)).toBe(hash.crc32(long.slice()));
    expect(hash.crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });

  it('are found out by a wrong byte in a table', async () => {
    const core = new Uint8Array(readFileSync(join(root, coreModule)));
    // Of the affine map of the S-box (assembly/crypto/aes.ts, SBOX_U), whose first byte is 0.
    const table = Buffer.from(core.buffer).indexOf(Buffer.from('c7bd6f176dd2d0', 'hex'));
    expect(table).toBeGreaterThan(0);
    core[table + 3] = (core[table + 3] ?? 0) ^ 1;
    const mutant = await loadComponent(core);
    const found = new Set(differences(new Primitives(await plainEngine()), mutant));
    expect([...found]).toEqual(['ctr']);
  });
});

/** The binding of a core module, from files that are gone again. */
async function loadComponent(core: Uint8Array): Promise<typeof component> {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-component-'));
  try {
    const files = await bindingOf(await componentOf(core));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    return await import(pathToFileURL(join(folder, 'andvari.js')).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
