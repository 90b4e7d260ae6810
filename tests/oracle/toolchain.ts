/** Which Rust there is, and whether it can make WebAssembly. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const TARGET = 'wasm32-unknown-unknown';

export interface Toolchain {
  /** In front of it: the folder of a rustc with that target. */
  env: NodeJS.ProcessEnv;
  /** The words of `rustc --version`. */
  rustc: string;
  /** A cargo that can fetch crates; the one beside rustc may be too old for a registry. */
  fetchingCargo: string;
  wasmPack: string;
}

function run(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');

function everyProgram(isIt: (name: string) => boolean): string[] {
  return folders.flatMap((folder) => {
    const names = existsSync(folder) ? readdirSync(folder).filter(isIt) : [];
    return names.map((name) => join(folder, name));
  });
}

/** Undefined: `rustc` has no standard library for the target. */
function hasTarget(rustc: string): boolean {
  const folder = run(rustc, ['--print', 'target-libdir', '--target', TARGET]);
  return folder !== undefined && existsSync(folder) && readdirSync(folder).length > 0;
}

/** What there is, or what is missing. */
export function findToolchain(): Toolchain | string {
  const [fetchingCargo] = everyProgram((name) => name === 'cargo');
  const [wasmPack] = everyProgram((name) => name === 'wasm-pack');
  const [bindgen] = everyProgram((name) => name === 'wasm-bindgen');
  if (!fetchingCargo) return 'no cargo';
  const compiler = everyProgram((name) => name === 'rustc').find(hasTarget);
  if (!compiler) return `no rustc with the target ${TARGET}`;
  if (!wasmPack) return 'no wasm-pack';
  if (!bindgen) return 'no wasm-bindgen';
  const env: NodeJS.ProcessEnv = { ...process.env };
  env['PATH'] = [dirname(compiler), dirname(wasmPack), dirname(bindgen), ...folders].join(
    delimiter,
  );
  const sysroot = run(compiler, ['--print', 'sysroot']) ?? '';
  const host = /^host: (.*)$/m.exec(run(compiler, ['-vV']) ?? '')?.[1] ?? '';
  // Debian's rustc comes without the linker that it names; LLVM's own is the same program.
  if (!existsSync(join(sysroot, 'lib/rustlib', host, 'bin/rust-lld'))) {
    const [linker] = everyProgram((name) => /^(rust-lld|wasm-ld(-\d+)?)$/.test(name));
    if (!linker) return 'no rust-lld or wasm-ld';
    env['CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER'] = linker;
  }
  return { env, rustc: run(compiler, ['--version']) ?? '', fetchingCargo, wasmPack };
}
