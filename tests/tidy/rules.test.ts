// Each rule of tests/tidy/ with a text that it lets pass and twins that it refuses. The samples are
// cut in two where the rule would otherwise find them in this file.
import { describe, expect, it } from 'vitest';
import { importCircles } from './circles.ts';
import { assemblyStoreys, importDirection, webStandardOnly } from './layers.ts';
import { deadFiles } from './reachable.ts';
import {
  fileLength,
  fileName,
  lineLength,
  noInline,
  processAlone,
  reminders,
  wholeSuite,
} from './rules.ts';
import { statusesOf, statusesTypedOnce } from './statuses.ts';
import type { Problem } from './syntax.ts';

type Sample = [path: string, text: string];

const list = statusesOf('export const enum Status { OK = 0, INTERNAL = 252, SUCCESS = 250 }');
const statuses = (path: string, text: string) => statusesTypedOnce(path, text, list);
const cut = (...parts: string[]) => parts.join('');

/** Rule, what it lets pass, what it refuses (each once). */
const cases: [(path: string, text: string) => Problem[], Sample[], Sample[]][] = [
  [
    importDirection,
    [
      ['host-node/src/a.ts', "import { b } from '@andvari/host-common/raida/b';"],
      ['host-node/src/a.ts', "import type { B } from '@andvari/native-io';"],
      ['host-browser/src/a.ts', "export * from '@andvari/host-common/raida/b'; import 'lit';"],
      ['host-common/src/a.test.ts', "import '../../tests/twin/raida-twin.ts';"],
      ['host-node/src/a.ts', "new URL('../../host-browser/dist/', import.meta.url);"],
      ['tests/a.test.ts', "import '../host-node/src/a.ts'; import '../host-browser/src/b.ts';"],
      ['assembly/raida/a.ts', 'import { B } from "../core/b";'],
    ],
    [
      ['host-common/src/a.ts', "import { b } from '@andvari/host-node/b';"],
      ['host-node/src/a.ts', "import { b } from '../../host-browser/src/b.ts';"],
      ['host-browser/src/a.ts', "const b = await import('@andvari/host-node/b');"],
      ['host-browser/src/a.ts', "import type { B } from '@andvari/native-io';"],
      ['host-common/src/a.ts', "export { b } from '@andvari/native-io';"],
      ['host-node/src/a.ts', "new URL('../../tests/b.ts', import.meta.url);"],
      ['host-node/src/a.ts', "import '../../tests/b.ts';"],
      ['host-common/src/a.test.ts', "import '@andvari/host-node/b';"],
      ['assembly/core/a.ts', 'import { B } from "../../host-common/src/b";'],
      ['scripts/a.mjs', "import '../host-node/src/b.ts';"],
    ],
  ],
  [
    assemblyStoreys,
    [
      ['assembly/crypto/a.ts', 'import { B } from "../core/b"; import { C } from "./c";'],
      ['assembly/raida/commands/a.ts', 'import { B } from "../b"; import "../../crypto/c";'],
      ['assembly/engine.ts', 'import { B } from "./raida/b";'],
      ['assembly/index.ts', 'export { a } from "./engine";'],
      ['assembly/core/__tests__/a.spec.ts', 'import { B } from "../../raida/b";'],
    ],
    [
      ['assembly/core/a.ts', 'import { B } from "../crypto/b";'],
      ['assembly/crypto/a.ts', 'import { B } from "../raida/b";'],
      ['assembly/raida/a.ts', 'import { B } from "../engine";'],
      ['assembly/engine.ts', 'import { B } from "./index";'],
      ['assembly/raida/a.ts', 'import { B } from "../peer/b";'],
      ['assembly/raida/a.ts', 'import { B } from "./__tests__/b";'],
      ['assembly/raida/a.ts', 'import { B } from "as-bignum";'],
      ['assembly/elsewhere/a.ts', ''],
    ],
  ],
  [
    webStandardOnly,
    [
      ['host-common/src/a.ts', 'engine.process(64); const o = { process() {} }; // Buffer'],
      ['host-common/src/a.ts', 'interface A { process(count: number): void }'],
      ['host-common/src/a.test.ts', "import { readFileSync } from 'node:fs';"],
      ['host-node/src/a.ts', "import { readFileSync } from 'node:fs'; process.exit();"],
    ],
    [
      ['host-common/src/a.ts', "import { readFileSync } from 'node:fs';"],
      ['host-common/src/a.ts', "import { webcrypto } from 'crypto';"],
      ['host-common/src/a.ts', "const fs = await import('fs/promises');"],
      ['host-common/src/a.ts', 'const b = Buffer.from(bytes);'],
      ['host-common/src/a.ts', 'const { env } = process;'],
      ['host-common/src/a.ts', 'globalThis.process.exit();'],
      ['host-common/src/a.ts', 'setImmediate(run);'],
    ],
  ],
  [
    statuses,
    [
      ['host-common/src/a.ts', 'if (reply.status === Status.SUCCESS) return;'],
      ['host-common/src/a.ts', 'if (count === 250 || reply.status === other) return;'],
      ['host-common/src/a.ts', 'if (response.status === 404) return;'],
      ['host-node/src/http/a.ts', 'if (refusal.status !== 0) return;'],
      ['host-node/src/a.test.ts', 'expect(reply.status === 250).toBe(true);'],
      ['assembly/core/status.ts', 'export const enum Status { SUCCESS = 250 }'],
      ['assembly/raida/a.ts', 'export function a(): u32 { return 250; }'],
    ],
    [
      ['host-common/src/a.ts', 'if (reply.status === 250) return;'],
      ['host-common/src/a.ts', 'if (250 !== replyStatus) return;'],
      ['host-common/src/a.ts', 'if (this.#status == 0xfc) return;'],
      ['host-common/src/a.ts', 'const status = 252;'],
      ['host-common/src/a.ts', 'answer({ status: 252 });'],
      ['host-common/src/a.ts', 'switch (reply.status) { case 250: break; }'],
      ['host-common/src/a.ts', 'const names = { SUCCESS: 250 };'],
      ['assembly/raida/a.ts', 'if (<u32>status == 252) return;'],
      ['assembly/raida/a.ts', 'export function a(): Status { return 250; }'],
    ],
  ],
  [
    fileLength,
    [['a.ts', 'x\n'.repeat(400)]],
    [
      ['a.ts', 'x\n'.repeat(401)],
      ['a.ts', `${'x\n'.repeat(400)}x`],
    ],
  ],
  [lineLength, [['a.ts', '\u{1f7e2}'.repeat(100)]], [['a.ts', `ok\n${'x'.repeat(101)}`]]],
  [
    fileName,
    [
      ['a/coin-file.slow.test.ts', ''],
      ['a/sha256.ts', ''],
      ['.ci/run', ''],
    ],
    [
      ['a/coinFile.ts', ''],
      ['a/coin_file.ts', ''],
      ['a/utils.ts', ''],
      ['a/test-helpers.ts', ''],
      ['a/session-manager.ts', ''],
      ['a/store-impl.ts', ''],
    ],
  ],
  [
    reminders,
    [['a.ts', cut('// TO', 'DO(ada): when Node 26 is out, drop the flag')]],
    [
      ['a.ts', cut('// TO', 'DO: later')],
      ['a.ts', cut('// FIX', 'ME(ada)')],
      ['a.ts', cut('/* X', 'XX */')],
    ],
  ],
  [
    noInline,
    [['assembly/a.ts', '// no @inline here\nfunction a(): void {}']],
    [['assembly/a.ts', '@inline\nfunction a(): void {}']],
  ],
  [
    wholeSuite,
    [
      ['a.test.ts', "it('a', () => {}); it.each([1])('b', () => {}); it.skipIf(root)('c', f);"],
      ['a.ts', 'describe.only();'],
    ],
    [
      ['a.test.ts', "it.only('a', () => {});"],
      ['a.test.ts', "describe.skip('a', () => {});"],
      ['a.test.ts', "it.skip.each([1])('a', () => {});"],
      ['a.test.ts', "test.todo('a');"],
      ['a.spec.ts', 'xtest("a", () => {});'],
    ],
  ],
  [
    processAlone,
    [
      ['a.alone.test.ts', "vi.mock('./a.ts');"],
      ['a.alone.slow.test.ts', 'process.memoryUsage();'],
      ['a.test.ts', "vi.spyOn(one, 'two');"],
    ],
    [
      ['a.test.ts', "vi.mock('./a.ts');"],
      ['a.slow.test.ts', 'vi.resetModules();'],
      ['a.test.ts', 'const { rss } = process.memoryUsage();'],
    ],
  ],
];

describe.each(cases.map(([rule, good, bad]) => ({ rule, good, bad })))('$rule.name', (sample) => {
  const { rule, good, bad } = sample;
  it.each(good)('lets pass %s: %s', (path, text) => {
    expect(rule(path, text)).toEqual([]);
  });
  it.each(bad)('refuses %s: %s', (path, text) => {
    expect(rule(path, text)).toEqual([expect.stringContaining(path)]);
  });
});

describe('deadFiles', () => {
  const alive: Sample[] = [
    ['host-node/src/cli/main.ts', "import '../node.ts';"],
    [
      'host-node/src/node.ts',
      "import './io.ts'; new Worker(new URL('./store-worker.ts', import.meta.url));",
    ],
    ['host-node/src/store-worker.ts', "import { a } from '@andvari/host-common/raida/a';"],
    ['host-common/src/raida/a.ts', ''],
    ['host-common/src/raida/a.test.ts', "import './a.ts';"],
    [
      'host-node/src/io.ts',
      "import { a } from '@andvari/native-io'; import '@andvari/native-io/b';",
    ],
    ['native-io/lib/index.ts', ''],
    ['native-io/lib/b.ts', ''],
    ['assembly/index.ts', 'export { a } from "./engine";'],
    ['assembly/engine.ts', ''],
    ['host-browser/index.html', '<script type="module" src="/src/main.ts"></script>'],
    ['host-browser/src/main.ts', "import './ui/page.css';"],
    ['host-browser/src/ui/page.css', ''],
    ['tests/bench/main.ts', "spawn(node, ['tests/bench/peer.ts']);"],
    ['tests/bench/peer.ts', ''],
  ];
  const commands = '"bench": "node tests/bench/main.ts"';

  it('lets pass what something started leads to', () => {
    expect(deadFiles(new Map(alive), commands)).toEqual([]);
  });

  it.each<Sample>([
    ['host-node/src/forgotten.ts', ''],
    ['host-browser/src/ui/forgotten.css', ''],
    ['tests/forgotten/peer.ts', ''],
  ])('refuses %s', (path, text) => {
    expect(deadFiles(new Map([...alive, [path, text]]), commands)).toEqual([`${path}: dead file`]);
  });

  it('refuses a file that only its own test uses', () => {
    const forgotten: Sample[] = [
      ['assembly/crypto/md5.ts', ''],
      ['assembly/crypto/__tests__/md5.spec.ts', 'import { md5 } from "../md5";'],
    ];
    const problems = deadFiles(new Map([...alive, ...forgotten]), commands);
    expect(problems).toEqual(['assembly/crypto/md5.ts: dead file']);
  });
});

describe('importCircles', () => {
  const straight: Sample[] = [
    ['host-node/src/a.ts', "import './b.ts'; import type { C } from './c.ts';"],
    ['host-node/src/b.ts', "import { c } from './c.ts';"],
    ['host-node/src/c.ts', "import { d } from '@andvari/host-common/raida/d';"],
    ['host-common/src/raida/d.ts', ''],
    ['host-node/src/c.test.ts', "import './a.ts';"],
  ];

  it('lets pass what leads nowhere back', () => {
    expect(importCircles(new Map(straight))).toEqual([]);
  });

  it.each<Sample>([
    ['host-node/src/c.ts', "import type { A } from './a.ts';"],
    ['host-node/src/c.ts', "export * from './a.ts';"],
    ['host-node/src/c.ts', "await import('./a.ts');"],
  ])('names each of its files once: %s %s', (path, text) => {
    const circle = 'host-node/src/a.ts -> host-node/src/c.ts -> host-node/src/a.ts';
    const problems = importCircles(new Map([...straight, [path, text]]));
    expect(problems[0]).toBe(`${circle}: imports in a circle`);
    expect(problems).toHaveLength(2); // and b -> c -> a -> b
  });
});
