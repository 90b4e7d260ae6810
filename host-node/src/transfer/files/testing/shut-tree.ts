/**
 * A process that receives a folder, FOLDER/tree, whose end fails when all has its permissions: all
 * names are taken. Then one is free, and it begins again. Tells how both ended.
 */
import { chmodSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { numberedName } from '../part-names.ts';
import { all, fill, isWhole, openTree, rowOf } from './tree-world.ts';

const NAMES = 1001;
const [folder = ''] = process.argv.slice(2);
const file = rowOf(11);
for (let i = 0; i < NAMES; i++) mkdirSync(join(folder, numberedName('tree', i)));

const one = await openTree(folder, file);
await fill(one, file, all(file));
const first = await one.finish().then(
  () => 'done',
  (error: { code: string }) => error.code,
);
await one.close();

rmdirSync(join(folder, 'tree'));
const two = await openTree(folder, file);
const path = await two.finish();
// To be looked at, and removed.
chmodSync(join(path, 'e'), 0o750);
chmodSync(join(path, 'e/g'), 0o600);
const at = join(folder, 'tree');
const found = isWhole(at, file.row, { e: 0o750, 'e/g': 0o600 });
console.log(JSON.stringify({ first, isWhole: found }));
