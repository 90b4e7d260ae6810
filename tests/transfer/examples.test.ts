/** docs/examples/transfer: one process sends what the other receives; docs/api.md shows both. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildProgram } from '@andvari/host-node/cli/child-program';
import { createIdentity } from '@andvari/host-node/transfer/identity-store';
import { KnownPeers } from '@andvari/host-node/transfer/known-peers';
import { identityOfSeed } from '@andvari/host-node/transfer/node-identity';
import { afterEach, beforeEach, expect, it } from 'vitest';

const PATIENCE_MS = 60_000;
const names = ['sender', 'receiver'] as const;
let folder = '';
const children: ChildProgram[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-transfer-examples-'));
});
afterEach(async () => {
  for (const { child, ended } of children.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

/** As `npm run example:...` does, by this Node, as a node of its own. */
function run(name: (typeof names)[number], ...words: string[]): ChildProgram {
  const file = fileURLToPath(new URL(`../../docs/examples/transfer/${name}.ts`, import.meta.url));
  const child = new ChildProgram(words, file, { XDG_DATA_HOME: join(folder, name) });
  children.push(child);
  return child;
}

/** Gives its peer ID. */
async function makeIdentity(name: string): Promise<Uint8Array> {
  mkdirSync(join(folder, name, 'andvari'), { recursive: true, mode: 0o700 });
  return identityOfSeed(await createIdentity(join(folder, name, 'andvari/identity.key'))).peerId;
}

/** Waits for a line of its output. */
async function line(program: ChildProgram, pattern: RegExp): Promise<string> {
  let isOver = false;
  void program.ended.then(() => {
    isOver = true;
  });
  for (let isLast = false; !isLast; ) {
    isLast = isOver;
    const [found] = pattern.exec(program.out) ?? [];
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`no ${pattern}: ${program.out} ${program.err}`);
}

it(
  'send a file, refuse one that is too large, and end when they are told to',
  async () => {
    const [peerId] = [await makeIdentity('sender'), await makeIdentity('receiver')];
    KnownPeers.load(join(folder, 'receiver/andvari/known_peers')).add(peerId);
    const into = join(folder, 'in');
    mkdirSync(into);
    const receiver = run('receiver', into);
    const code = await line(receiver, /(?<=listens: )\S+(?=\n)/);
    const local = code.replace(/@.*:/, '@127.0.0.1:');
    const bytes = randomBytes(1 << 20);
    writeFileSync(join(folder, 'small'), bytes);
    const sender = run('sender', join(folder, 'small'), local);
    expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
    expect(sender.out).toMatch(/sent: 1048576 bytes in \d+\.\d s\n$/);
    await line(receiver, /received: 1048576 bytes, .*small\n/);
    writeFileSync(join(folder, 'large'), Buffer.alloc((100 << 20) + 1));
    const large = run('sender', join(folder, 'large'), local);
    expect(await large.ended).toMatchObject({ code: 1 });
    expect(large.err).toBe('sender: the receiver does not want it\n');
    receiver.child.kill('SIGTERM');
    expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
    expect(readdirSync(into)).toEqual(['small']);
    expect(readFileSync(join(into, 'small'))).toEqual(bytes);
  },
  PATIENCE_MS,
);

it('say in one line what is wrong', async () => {
  const cases = [
    [run('sender'), /^sender: wanted: PATH PEER@HOST:PORT\n$/],
    [run('receiver', folder, 'http'), /^receiver: wanted: FOLDER \[PORT\]\n$/],
    [run('receiver', folder), /^receiver: there is no identity file .*\n$/],
  ] as const;
  for (const [child, why] of cases) {
    expect(await child.ended).toMatchObject({ code: 1 });
    expect(child.err).toMatch(why);
  }
});

it.each(names)('%s.ts has a script, and a place in docs/api.md', (name) => {
  const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const { scripts } = JSON.parse(text('../../package.json'));
  expect(scripts[`example:${name}`]).toContain(`node docs/examples/transfer/${name}.ts`);
  expect(text('../../docs/api.md')).toContain(`npm run example:${name} -- `);
  expect(text('../../docs/api.md')).toContain(`(examples/transfer/${name}.ts)`);
});
