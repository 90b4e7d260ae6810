/**
 * A real small file system: an ext4 image, loop-mounted. Needs root, mkfs.ext4 and a loop device.
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function run(command: string, ...words: string[]): boolean {
  const { status: exitCode } = spawnSync(command, words, { stdio: 'ignore' });
  return exitCode === 0;
}

export class SmallDisk {
  readonly folder: string;
  readonly #root: string;

  private constructor(root: string, folder: string) {
    this.#root = root;
    this.folder = folder;
  }

  /** Undefined where this machine cannot make one. Call remove() in a finally. */
  static make(bytes: number): SmallDisk | undefined {
    if (process.getuid?.() !== 0) return undefined;
    const root = mkdtempSync(join(tmpdir(), 'andvari-disk-'));
    const image = join(root, 'image');
    const folder = join(root, 'mounted');
    mkdirSync(folder);
    const file = openSync(image, 'wx', 0o600);
    ftruncateSync(file, bytes);
    closeSync(file);
    const made = run('mkfs.ext4', '-q', '-F', '-m', '0', image);
    if (made && run('mount', '-o', 'loop', image, folder)) return new SmallDisk(root, folder);
    rmSync(root, { recursive: true });
    return undefined;
  }

  /** Takes all the space that is left. */
  fill(): void {
    const file = openSync(join(this.folder, 'filler'), 'w');
    try {
      for (let bytes = 65536; bytes >= 512; bytes /= 2) takeAll(file, new Uint8Array(bytes));
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what fill() took. */
  empty(): void {
    rmSync(join(this.folder, 'filler'));
  }

  remove(): void {
    if (!run('umount', this.folder) && !run('umount', '-l', this.folder)) {
      throw new Error(`${this.folder} could not be unmounted`);
    }
    rmSync(this.#root, { recursive: true });
  }

  static possible(): boolean {
    const disk = SmallDisk.make(4 << 20);
    disk?.remove();
    return disk !== undefined;
  }
}

function takeAll(file: number, bytes: Uint8Array): void {
  try {
    while (writeSync(file, bytes) === bytes.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
