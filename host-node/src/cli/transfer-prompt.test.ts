// andvari receive at a terminal: whoever sits there is asked, and may trust a stranger.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { twoNodes } from './testing/two-nodes.ts';

const nodes = twoNodes('prompt');
const { folder } = nodes;
const PATIENCE_MS = 60_000;
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const knownPeers = () => folder.at('receiver/andvari/known_peers');
const peersIn = () =>
  existsSync(knownPeers())
    ? (readFileSync(knownPeers(), 'utf8').match(/^[a-z2-7]{55}/gm) ?? [])
    : [];

/** The receiver at a pseudo terminal: `script` of every Linux gives it one. */
class Terminal {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  text = '';

  constructor(words: string[]) {
    const command = [process.execPath, main, ...words].map((word) => `'${word}'`).join(' ');
    this.child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', XDG_DATA_HOME: folder.at('receiver') },
    });
    this.child.stdout?.on('data', (part) => {
      this.text += part;
    });
    this.ended = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
  }

  shows(text: RegExp): Promise<string> {
    return expect.poll(() => this.text, { timeout: PATIENCE_MS }).toMatch(text) as never;
  }

  async answer(text: string): Promise<void> {
    await this.shows(/Take it\? \[y\/N[^\]]*\] /);
    this.child.stdin?.write(`${text}\n`);
  }
}

let terminal: Terminal | undefined;
afterEach(() => void terminal?.child.kill('SIGKILL'));

/** What a receiver shows to whom a file is sent, and how both end. */
async function asked(answer: string): Promise<{ text: string; codes: (number | null)[] }> {
  terminal = new Terminal(['receive', '-o', folder.at('in'), '--listen', '127.0.0.1:0']);
  await terminal.shows(/127\.0\.0\.1:\d+/);
  const port = /127\.0\.0\.1:(\d+)/.exec(terminal.text)?.[1];
  const path = folder.at('x.bin');
  const sender = nodes.sending(path, `${nodes.receiverId}@127.0.0.1:${port}`);
  await terminal.answer(answer);
  const codes = [(await sender.ended).code];
  if (codes[0] !== 0) terminal.child.kill('SIGTERM');
  else codes.push(await terminal.ended);
  return { text: terminal.text, codes };
}

it(
  'asks of one whom it knows, and of a stranger, who is known from then on if it is said so',
  async () => {
    nodes.fileOf('x.bin', Buffer.from('bytes'));
    mkdirSync(folder.at('in'), { recursive: true });
    const known = await asked('y');
    expect(known).toMatchObject({
      codes: [0, 0],
      text: expect.stringMatching(/alice \([^)]*\) \(/),
    });
    expect(known.text).not.toContain('trust');
    const id = / alice/.exec(readFileSync(knownPeers(), 'utf8')) ? peersIn() : [];
    expect(id).toHaveLength(1);
    rmSync(knownPeers());
    for (const [answer, codes, list] of [
      ['n', [4], []],
      ['x', [4], []],
      ['y', [0, 0], []],
      ['t', [0, 0], id],
    ] as const) {
      const before = readdirSync(folder.at('in')).length;
      const { text, codes: ended } = await asked(answer);
      expect(ended, answer).toEqual(codes);
      expect(text).toMatch(/\(not known\).*t: yes, and trust this peer/);
      expect(peersIn(), answer).toEqual(list);
      expect(readdirSync(folder.at('in')).length - before, answer).toBe(codes.length - 1);
    }
  },
  2 * PATIENCE_MS,
);
