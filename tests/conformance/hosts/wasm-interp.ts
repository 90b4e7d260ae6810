// The component's core module in wabt's interpreter, which has no JavaScript and no V8. It takes no
// input, so the cases become a function of the module: it stores their bytes, calls, and prints.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import binaryen from 'binaryen';
import { coreModule } from '../../../scripts/component.mjs';
import { root } from '../../tidy/tree.ts';
import { type Case, Fields, hexOf, type Result } from '../case.ts';
import { answerLines, notSupported } from './lines.ts';
import { findProgram } from './programs.ts';

const interpreter = findProgram('wasm-interp') ?? notSupported('no wasm-interp (wabt)');

/** Cases of more bytes would be a module of their own size many times over. */
const BYTES_MAX = 2048;
const CASE = 'conformance-case';
const PRINT = 'conformance-print';

/** Inputs in the order of the WIT: byte strings, and numbers of 32 bits. */
type Shape = { inputs: (string | [string])[]; gives: 'bytes' | 'result' | 'number' };

const SHAPES: Readonly<Record<string, Shape>> = {
  'hash.crc32': { inputs: ['bytes'], gives: 'number' },
  'hash.md5': { inputs: ['bytes'], gives: 'bytes' },
  'hash.sha256': { inputs: ['bytes'], gives: 'bytes' },
  'hash.hmac-sha256': { inputs: ['key', 'bytes'], gives: 'bytes' },
  'hash.blake3': { inputs: ['bytes', ['length']], gives: 'result' },
  'hash.blake3-keyed': { inputs: ['key', 'bytes', ['length']], gives: 'result' },
  'hash.blake3-derive': { inputs: ['context', 'bytes', ['length']], gives: 'result' },
  'cipher.ctr': { inputs: ['key', 'counter', 'text'], gives: 'result' },
  'cipher.chacha20': { inputs: ['key', ['counter'], 'nonce', 'text'], gives: 'result' },
  'cipher.hchacha20': { inputs: ['key', 'nonce'], gives: 'result' },
  'cipher.seal': { inputs: ['key', 'nonce', 'associated', 'text'], gives: 'result' },
  'cipher.open': { inputs: ['key', 'nonce', 'associated', 'sealed'], gives: 'result' },
};

/** The faults of each interface, in the order of its WIT. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  hash: ['key-length', 'value-length', 'output-length', 'part'],
  cipher: ['key-length', 'nonce-length', 'text-length', 'bad-tag'],
};

const isHere = (item: Case) =>
  item.function in SHAPES && JSON.stringify(item.input).length < 2 * BYTES_MAX;

function moduleOf(cases: readonly Case[]): Uint8Array {
  const module = binaryen.readBinary(readFileSync(join(root, coreModule)));
  module.setFeatures(binaryen.Features.All);
  const names = new Map<string, string>();
  for (let i = module.getNumExports() - 1; i >= 0; i--) {
    const { name, value } = binaryen.getExportInfo(module.getExportByIndex(i));
    names.set(name, value);
  }
  for (const name of names.keys()) module.removeExport(name);
  const { i32, none, createType } = binaryen;
  module.addFunctionImport(PRINT, 'host', 'print', createType([i32, i32, i32]), none);
  const realloc = names.get('cabi_realloc') ?? '';
  for (const [index, item] of cases.entries()) {
    addCase({ module, names, realloc }, item, index);
  }
  return module.emitBinary();
}

interface Parts {
  module: binaryen.Module;
  names: ReadonlyMap<string, string>;
  realloc: string;
}

/** Locals: 0 the result, 1 where its bytes are, 2 how many, 3 the loop; then inputs. */
function addCase({ module, names, realloc }: Parts, item: Case, index: number): void {
  const { i32, none, createType } = binaryen;
  const m = module;
  const n = (value: number) => m.i32.const(value);
  const get = (local: number) => m.local.get(local, i32);
  const { inputs, gives } = SHAPES[item.function] as Shape;
  const [name = '', called = ''] = item.function.split('.');
  const exported = `andvari:engine/${name}@0.1.0#${called}`;
  const fields = new Fields(item.input);
  const body: number[] = [];
  const args = inputs.flatMap((input, at) => {
    if (typeof input !== 'string') return [n(fields.number(input[0]) | 0)];
    const bytes = fields.bytes(input);
    const local = 4 + at;
    body.push(m.local.set(local, m.call(realloc, [n(0), n(0), n(1), n(bytes.length)], i32)));
    bytes.forEach((byte, to) => {
      body.push(m.i32.store8(to, 1, get(local), n(byte)));
    });
    return [get(local), n(bytes.length)];
  });
  body.push(m.local.set(0, m.call(names.get(exported) ?? '', args, i32)));
  const print = (kind: number, value: number) => m.call(PRINT, [n(index), n(kind), value], none);
  if (gives === 'number') body.push(print(0, get(0)));
  else {
    const at = gives === 'result' ? 4 : 0;
    const bytes = m.block(null, [
      m.local.set(1, m.i32.load(at, 4, get(0))),
      m.local.set(2, m.i32.load(at + 4, 4, get(0))),
      print(1, get(2)),
      m.local.set(3, n(0)),
      m.block('done', [
        m.loop(
          'next',
          m.block(null, [
            m.br('done', m.i32.ge_u(get(3), get(2))),
            print(2, m.i32.load8_u(0, 1, m.i32.add(get(1), get(3)))),
            m.local.set(3, m.i32.add(get(3), n(1))),
            m.br('next'),
          ]),
        ),
      ]),
    ]);
    const fault = print(3, m.i32.load8_u(4, 1, get(0)));
    body.push(gives === 'result' ? m.if(m.i32.load8_u(0, 1, get(0)), fault, bytes) : bytes);
  }
  const post = names.get(`cabi_post_${exported}`);
  if (post && gives !== 'number') body.push(m.call(post, [get(0)], none));
  const locals = Array.from({ length: 4 + inputs.length }, () => i32);
  const own = `${CASE}-${index}`;
  m.addFunction(own, createType([]), none, locals, m.block(null, body));
  m.addFunctionExport(own, own);
}

/** What was printed: 0 a number, 1 the length of bytes, 2 a byte, 3 a fault. */
function resultOf(item: Case, printed: readonly [kind: number, value: number][]): Result {
  const { id } = item;
  const [first] = printed;
  if (!first) return { id, failure: 'it trapped' };
  const [kind, value] = first;
  if (kind === 0) return { id, output: value.toString(16).padStart(8, '0') };
  const faults = FAULTS[item.function.split('.')[0] ?? ''] ?? [];
  if (kind === 3) return { id, verdict: faults[value] ?? `fault-${value}` };
  return { id, output: hexOf(Uint8Array.from(printed.slice(1), ([, byte]) => byte)) };
}

function interpret(cases: readonly Case[]): Result[] {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-interpreter-'));
  try {
    const file = join(folder, 'cases.wasm');
    writeFileSync(file, moduleOf(cases));
    const args = [file, '--enable-all', '--run-all-exports', '--host-print', '--dummy-import-func'];
    const options = { encoding: 'utf8', maxBuffer: 1 << 28 } as const;
    const lines = execFileSync(interpreter, args, options);
    const printed = Map.groupBy(
      lines.matchAll(/host\.print\(i32:(\d+), i32:(\d+), i32:(\d+)\)/g),
      ([, index]) => Number(index),
    );
    return cases.map((item, index) =>
      resultOf(
        item,
        (printed.get(index) ?? []).map(([, , kind, value]) => [Number(kind), Number(value)]),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await answerLines(async (cases) => {
  const here = interpret(cases.filter(isHere));
  const others = cases.filter((item) => !isHere(item));
  return [...here, ...others.map(({ id }): Result => ({ id, unsupported: true }))];
});
