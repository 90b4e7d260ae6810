/** The hash of files by chunks, on every host. */

import type { NativeTransfer } from '@andvari/host-common/engine/native-transfer';
import {
  CHUNK_BYTES,
  chunkCount,
  chunkLength,
  FILE_BYTES_MAX,
  FileHash,
  HASH_BYTES,
} from '@andvari/host-common/transfer/files/file-hash';
import { blake3 } from '@noble/hashes/blake3.js';
import { expect, it } from 'vitest';
import { toHex } from '../../engine/vector-state.ts';
import profile from '../../vectors/transfer_profile_r1.json' with { type: 'json' };

/** The files of profile R1 by their rule. */
function fileOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + length) & 255);
}

function valuesOf(hash: FileHash, file: Uint8Array): Uint8Array {
  const count = chunkCount(file.length);
  const values = new Uint8Array(count * HASH_BYTES);
  for (let index = 0; index < count; index++) {
    const start = index * CHUNK_BYTES;
    const bytes = file.subarray(start, start + chunkLength(file.length, index));
    values.set(hash.valueOf(bytes, { index, count }), index * HASH_BYTES);
  }
  return values;
}

export function runFileHashCases(
  module: Promise<WebAssembly.Module>,
  native?: NativeTransfer,
): void {
  const created = module.then((compiled) => FileHash.create(compiled, native));

  it(`files: ${profile.files.length} of profile R1`, async () => {
    const hash = await created;
    for (const { length, chunk_size: chunkSize, ...expected } of profile.files) {
      if (chunkSize === CHUNK_BYTES) expect(chunkCount(length)).toBe(expected.chunks);
      const whole = toHex(hash.root(valuesOf(hash, fileOf(length))));
      expect(whole, `${length}`).toBe(expected.blake3_whole_file);
    }
  });

  it.each([
    0,
    1,
    CHUNK_BYTES - 1,
    CHUNK_BYTES,
    CHUNK_BYTES + 1,
    3 * CHUNK_BYTES,
    5 * CHUNK_BYTES + 777,
    8 * CHUNK_BYTES,
    13 * CHUNK_BYTES + 1,
  ])('files of %s bytes: what everybody calls their BLAKE3', async (length) => {
    const hash = await created;
    const file = fileOf(length);
    expect(toHex(hash.root(valuesOf(hash, file)))).toBe(toHex(blake3(file)));
  });

  it('files: a chunk that is changed or lies elsewhere has another value', async () => {
    const hash = await created;
    const bytes = fileOf(CHUNK_BYTES);
    const value = toHex(hash.valueOf(bytes, { index: 3, count: 9 }));
    const changed = bytes.with(CHUNK_BYTES - 1, 1);
    const others = [
      hash.valueOf(changed, { index: 3, count: 9 }),
      hash.valueOf(bytes.subarray(0, -1), { index: 3, count: 9 }),
      hash.valueOf(bytes, { index: 4, count: 9 }),
      hash.valueOf(bytes, { index: 0, count: 1 }),
    ].map(toHex);
    expect(new Set([value, ...others]).size).toBe(5);
    // How many come behind it changes nothing: they are not hashed with it.
    expect(toHex(hash.valueOf(bytes, { index: 3, count: 1000 }))).toBe(value);
    hash.chunk.set(bytes);
    expect(toHex(hash.value(bytes.length, { index: 3, count: 9 }))).toBe(value);
  });

  it('files: the order of values is part of the hash, and so is their number', async () => {
    const hash = await created;
    const values = Uint8Array.from({ length: 11 * HASH_BYTES }, (_, i) => (i * 31) & 255);
    const swapped = values.slice();
    swapped.copyWithin(0, HASH_BYTES, 2 * HASH_BYTES);
    swapped.set(values.subarray(0, HASH_BYTES), HASH_BYTES);
    const roots = [values, swapped, values.subarray(HASH_BYTES), values.subarray(0, -HASH_BYTES)];
    expect(new Set(roots.map((each) => toHex(hash.root(each)))).size).toBe(4);
  });

  it('files: what is no chunk is refused', async () => {
    const hash = await created;
    const bytes = new Uint8Array(10);
    const wrong = [
      () => hash.valueOf(new Uint8Array(0), { index: 0, count: 1 }),
      () => hash.valueOf(new Uint8Array(CHUNK_BYTES + 1), { index: 0, count: 1 }),
      () => hash.valueOf(bytes, { index: 1, count: 1 }),
      () => hash.valueOf(bytes, { index: -1, count: 1 }),
      () => hash.valueOf(bytes, { index: 0, count: chunkCount(FILE_BYTES_MAX) + 1 }),
      () => hash.root(new Uint8Array(HASH_BYTES + 1)),
    ];
    for (const call of wrong) expect(call).toThrow(RangeError);
    expect(() => hash.root('' as never)).toThrow(TypeError);
  });
}
