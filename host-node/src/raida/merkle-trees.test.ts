import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { treeOver } from './merkle-trees.ts';

const hash = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const leaf = (value: number) => new Uint8Array(32).fill(value);
const [a, b, c, d, e] = [1, 2, 3, 4, 5].map(leaf) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

test('a single leaf is its own root', () => {
  expect(Buffer.from(treeOver(a))).toEqual(Buffer.from(a));
});

test('two leaves have one node above them', () => {
  expect(treeOver(Buffer.concat([a, b]))).toEqual(Buffer.concat([a, b, hash(a, b)]));
});

test('an odd node is paired with itself, on every level', () => {
  const [ab, cd, ee] = [hash(a, b), hash(c, d), hash(e, e)];
  const [left, right] = [hash(ab, cd), hash(ee, ee)];
  const tree = Buffer.concat([a, b, c, d, e, ab, cd, ee, left, right, hash(left, right)]);
  expect(treeOver(Buffer.concat([a, b, c, d, e]))).toEqual(tree);
});

test('another leaf, or another order, has another root', () => {
  const root = (...leaves: Uint8Array[]) => treeOver(Buffer.concat(leaves)).subarray(-32);
  expect(root(a, b, c)).not.toEqual(root(a, b, d));
  expect(root(a, b, c)).not.toEqual(root(b, a, c));
});
