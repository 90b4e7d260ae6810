/** Real refusals of a real disk. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EffectStatus, Folder, WriteMode } from '@andvari/host-common/engine/generated/layout';
import { expect, test } from 'vitest';
import { SmallDisk } from '../store/testing/small-disk.ts';
import { FileDesk } from './file-desk.ts';

const canMount = SmallDisk.possible();
const needs = canMount ? '' : ' (DID NOT RUN: needs root, mkfs.ext4 and a loop device)';
const name = Buffer.from('file');
const replace = { mode: WriteMode.REPLACE, permissions: 0o640 };
const create = { mode: WriteMode.CREATE, permissions: 0o640 };

async function onDisk(work: (desk: FileDesk, disk: SmallDisk) => Promise<void>): Promise<void> {
  const disk = SmallDisk.make(4 << 20);
  if (!disk) throw new Error('no small disk');
  try {
    await work(await FileDesk.open(disk.folder), disk);
  } finally {
    disk.remove();
  }
}

test.skipIf(!canMount)(`a full disk: FAILED, the old file stays, nothing beside it${needs}`, () =>
  onDisk(async (desk, disk) => {
    const small = Buffer.alloc(5000, 'a');
    const large = Buffer.alloc(200_000, 'b');
    expect((await desk.write(Folder.KEYS, name, small, replace)).status).toBe(EffectStatus.OK);
    disk.fill();
    const failed = { status: EffectStatus.FAILED, problem: 'write in Keys: ENOSPC' };
    expect(await desk.write(Folder.KEYS, name, large, replace)).toEqual(failed);
    expect(await desk.write(Folder.KEYS, Buffer.from('new'), large, create)).toEqual(failed);
    expect(readdirSync(join(disk.folder, 'Keys'))).toEqual(['file']);
    expect(readFileSync(join(disk.folder, 'Keys/file'))).toEqual(small);
    disk.empty();
    expect((await desk.write(Folder.KEYS, name, large, replace)).status).toBe(EffectStatus.OK);
    expect(readFileSync(join(disk.folder, 'Keys/file'))).toEqual(large);
  }),
);

test.skipIf(!canMount)(`a folder that may not be changed: FAILED, but it can be read${needs}`, () =>
  onDisk(async (desk, disk) => {
    await desk.write(Folder.ZONES, name, Buffer.from('here'), replace);
    const folder = join(disk.folder, 'Zones');
    expect(spawnSync('chattr', ['+i', folder]).status).toBe(0);
    try {
      const problem = 'write in Zones: EPERM';
      const failed = { status: EffectStatus.FAILED, problem };
      for (const options of [replace, create]) {
        expect(await desk.write(Folder.ZONES, Buffer.from('new'), name, options)).toEqual(failed);
      }
      expect(await desk.remove(Folder.ZONES, name)).toMatchObject({ status: EffectStatus.FAILED });
      const { status, bytes } = await desk.read(Folder.ZONES, name, { bytesMax: 100 });
      expect([status, String(Buffer.from(bytes ?? []))]).toEqual([EffectStatus.OK, 'here']);
      expect(readdirSync(folder)).toEqual(['file']);
    } finally {
      spawnSync('chattr', ['-i', folder]);
    }
  }),
);
