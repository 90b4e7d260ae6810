// npm run oracle [-- --write]
// Builds the oracle (Rust crates, by wasm-pack) and compares its answers with
// tests/vectors/oracle-primitives.json; --write writes them there. Without a Rust that can make
// WebAssembly it says so in one line and is content. Exit codes: 0 the same, or no Rust; 1 it
// cannot be built; 3 other answers.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askAll } from './module.ts';
import { findToolchain, type Toolchain } from './toolchain.ts';

const sources = fileURLToPath(new URL('.', import.meta.url));
const root = join(sources, '../..');
const crate = join(root, 'build/oracle');
const recorded = join(root, 'tests/vectors/oracle-primitives.json');
/** Crates that are asked; the others are what these stand on. */
const ASKED = [
  ...['aes', 'blake2', 'blake3', 'chacha20', 'chacha20poly1305', 'ctr', 'ed25519-dalek'],
  ...['hmac', 'md-5', 'sha2', 'snow', 'x25519-dalek'],
];

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): string {
  const options = { cwd: crate, env, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status === 0) return stdout;
  throw new Error(`${program} ${args[0]}: ${error?.message ?? stderr.trim().slice(-2000)}`);
}

/** The path of the JavaScript that loads it. */
function build({ env, fetchingCargo, wasmPack }: Toolchain): string {
  mkdirSync(join(crate, '.cargo'), { recursive: true });
  for (const name of ['Cargo.toml', 'Cargo.lock', 'src']) {
    cpSync(join(sources, name), join(crate, name), { recursive: true });
  }
  const config = join(crate, '.cargo/config.toml');
  // An old one would be where the crates are taken from.
  rmSync(config, { force: true });
  writeFileSync(config, run(fetchingCargo, ['vendor', '--locked', 'vendor'], process.env));
  const pack = ['build', '--mode', 'no-install', '--release', '--target', 'nodejs'];
  run(wasmPack, [...pack, '--no-typescript', '--out-dir', 'pkg'], env);
  return join(crate, 'pkg/andvari_oracle.js');
}

/** Name and version of each crate that is asked, with the hash of its archive. */
function provenance(): { name: string; version: string; sha256: string }[] {
  const lock = readFileSync(join(sources, 'Cargo.lock'), 'utf8');
  const form = /name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"/g;
  return [...lock.matchAll(form)]
    .map(([, name = '', version = '', sha256 = '']) => ({ name, version, sha256 }))
    .filter(({ name }) => ASKED.includes(name));
}

function main(isToWrite: boolean): number {
  const toolchain = findToolchain();
  if (typeof toolchain === 'string') {
    console.log(`oracle: not built, ${toolchain} here; its answers are in tests/vectors`);
    return 0;
  }
  const cases = askAll(build(toolchain));
  if (isToWrite) {
    const source = 'RustCrypto, BLAKE3, dalek and snow, compiled to WebAssembly (tests/oracle)';
    const text = { source, rustc: toolchain.rustc, crates: provenance(), cases };
    writeFileSync(recorded, `${JSON.stringify(text, null, 1)}\n`);
    console.log(`oracle: ${cases.length} answers written`);
    return 0;
  }
  const kept = JSON.parse(readFileSync(recorded, 'utf8')) as { cases: object[] };
  const count = Math.max(cases.length, kept.cases.length);
  const differ = Array.from({ length: count }, (_, i) => i).filter(
    (i) => JSON.stringify(cases[i]) !== JSON.stringify(kept.cases[i]),
  );
  if (differ.length === 0) {
    console.log(`oracle: ${cases.length} answers, all as they are kept (${toolchain.rustc})`);
    return 0;
  }
  console.error(`oracle: ${differ.length} answers differ, the first is number ${differ[0]}`);
  return 3;
}

try {
  process.exitCode = main(process.argv.slice(2).includes('--write'));
} catch (error) {
  console.error(`oracle: ${(error as Error).message}`);
  process.exitCode = 1;
}
