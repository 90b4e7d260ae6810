/** The benchmark's programs in C++, compiled when first wanted: a bare echo and the load. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..', '..');
const build = join(root, 'native-io', 'build', 'bench');
const here = (...names: string[]) => names.map((name) => join(import.meta.dirname, name));
const addon = (...names: string[]) => names.map((name) => join(root, 'native-io', 'src', name));

const SOURCES = {
  echo: here('echo.cc'),
  blast: [
    ...here('blast.cc', 'load.cc'),
    ...addon('xsk.cc', 'bpf.cc', 'xdp-attachment.cc', 'xdp-program.cc', 'network-interface.cc'),
    ...addon('frame-headers.cc', 'permissions.cc'),
  ],
};

/** Path of a program. Throws when there is no compiler, with what it said. */
export function programOf(name: keyof typeof SOURCES): string {
  const path = join(build, name);
  const sources = SOURCES[name];
  const newest = Math.max(...sources.map((source) => statSync(source).mtimeMs));
  if (existsSync(path) && statSync(path).mtimeMs > newest) return path;
  mkdirSync(build, { recursive: true });
  const { status, stderr, error } = spawnSync(
    'g++',
    ['-O2', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-o', path, ...sources],
    { encoding: 'utf8' },
  );
  if (status === 0) return path;
  throw new Error(`bench:io wants g++ (apt-get install g++): ${error?.message ?? stderr}`);
}
