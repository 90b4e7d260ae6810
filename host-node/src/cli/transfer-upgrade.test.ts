// andvari send, receive, ping and relay, each a process of its own: from the relay to a direct way.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NatKind, whyNoNatBed } from '../stun/testing/nat-bed.ts';
import { BETWEEN_HOST, TwoNats } from '../stun/testing/two-nats.ts';
import { ChildProgram } from './child-program.ts';
import { twoNodes } from './testing/two-nodes.ts';

const nodes = twoNodes('upgrade');
const { folder } = nodes;
const PATIENCE_MS = 120_000;
const isLong = process.env['ANDVARI_LONG'] === '1';

async function relay(host: string, before: string[], ...words: string[]) {
  const all = ['relay', '--json', '--plain', '--listen', `${host}:0`, ...words];
  const child = new ChildProgram(all, undefined, {}, before);
  nodes.children.push(child);
  const { urls } = (await child.event('ready')) as { urls: [string] };
  return urls[0];
}

async function ended(child: ChildProgram, code = 0): Promise<void> {
  expect(await child.ended, child.err).toMatchObject({ code });
}

async function sent(url: string, path: string, ...more: string[]) {
  const { receiver } = await nodes.receiving('--relay', url, ...more);
  const words = ['send', path, nodes.receiverId, '--relay', url, ...more];
  return { receiver, sender: nodes.run('sender', words) };
}

describe('between two programs that meet at a relay', () => {
  it(
    'a file that begins there goes on directly, and both say so',
    async () => {
      nodes.host = { own: '0.0.0.0', called: '127.0.0.1' };
      const url = await relay('127.0.0.1', []);
      // At a megabyte a second some of it has to wait.
      const bytes = randomBytes(5_000_000);
      const { sender, receiver } = await sent(url, nodes.fileOf('x.bin', bytes));
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
      for (const [child, last] of [
        [sender, 'sent'],
        [receiver, 'received'],
      ] as const) {
        expect(await child.event('offered')).toMatchObject({ way: 'relayed' });
        const direct = { way: 'punched', state: 'direct', attempts: 1 };
        expect(await child.event('way')).toMatchObject(direct);
        expect(await child.event(last)).toMatchObject({ way: 'punched' });
      }
    },
    PATIENCE_MS,
  );

  it(
    'a ping stays there where the peer does not take part, and says why',
    async () => {
      nodes.host = { own: '0.0.0.0', called: '127.0.0.1' };
      const url = await relay('127.0.0.1', []);
      await nodes.receiving('--relay', url, '--no-upgrade');
      const words = ['ping', nodes.receiverId, '--relay', url, '-i', '0.5', '-c', '12'];
      const pinging = nodes.run('sender', words);
      await ended(pinging);
      expect(await pinging.event('way')).toMatchObject({
        ...{ way: 'relayed', state: 'waiting', code: 'ANDVARI_UPGRADE_NO_ANSWER' },
        why: 'the peer does not say where it can be reached directly',
      });
      for (const ping of pinging.events('ping')) expect(ping).toMatchObject({ way: 'relayed' });
    },
    PATIENCE_MS,
  );
});

const KINDS: NatKind[] = ['full cone', 'address-restricted', 'port-restricted', 'symmetric'];
const FEW: [NatKind, NatKind][] = [
  ['port-restricted', 'port-restricted'],
  ['symmetric', 'full cone'],
];
const ALL = KINDS.flatMap((one) => KINDS.map((other): [NatKind, NatKind] => [one, other]));

/** Where a port is guessed for which nothing has been sent, nobody gets in. */
function isDirect(kinds: [NatKind, NatKind]): boolean {
  const hard = kinds.filter((kind) => kind === 'port-restricted' || kind === 'symmetric');
  return hard.length < 2 || !hard.includes('symmetric');
}

/** For the table in docs/architecture.md. */
function tellFigures(kinds: [NatKind, NatKind], sender: ChildProgram, startMs: number): void {
  const [way] = sender.events('way');
  const [sent] = sender.events('sent');
  const figures = { ...way, sentMs: sent?.['durationMs'], allMs: performance.now() - startMs };
  console.log(`${kinds.join(' / ')}: ${JSON.stringify(figures)}`);
}

const why = whyNoNatBed();
describe.skipIf(why)(`behind two NATs${why ? ` (${why})` : ''}`, () => {
  let bed: TwoNats;
  beforeAll(() => {
    bed = new TwoNats();
  });
  afterAll(() => bed?.remove());

  async function begun(kinds: [NatKind, NatKind], bytes: Uint8Array) {
    bed.join();
    bed.behave(kinds);
    const there = (namespace: string) => ['ip', 'netns', 'exec', namespace];
    nodes.startedBy = { receiver: there(bed.sites[0]), sender: there(bed.sites[1]) };
    nodes.host = { own: '0.0.0.0', called: BETWEEN_HOST };
    const stun = `${BETWEEN_HOST}:3478`;
    const rate = ['--rate', '8000000', '--stun', stun];
    const url = await relay(BETWEEN_HOST, there(bed.between), ...rate);
    return sent(url, nodes.fileOf('x.bin', bytes), '--stun', stun);
  }

  it.each(isLong ? ALL : FEW)(
    '%s and %s: 16 MiB arrive, by the way that is expected',
    async (...kinds) => {
      const bytes = randomBytes(16 * 1024 * 1024);
      const startMs = performance.now();
      const { sender, receiver } = await begun(kinds, bytes);
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
      const way = isDirect(kinds) ? 'punched' : 'relayed';
      for (const [child, last] of [
        [sender, 'sent'],
        [receiver, 'received'],
      ] as const) {
        expect(await child.event('offered')).toMatchObject({ way: 'relayed' });
        expect(await child.event(last)).toMatchObject({ way });
      }
      if (isLong) tellFigures(kinds, sender, startMs);
    },
    PATIENCE_MS,
  );

  it(
    'a direct way that is cut in the middle: the rest goes by the relay',
    async ({ skip }) => {
      const bytes = randomBytes(24 * 1024 * 1024);
      // So that it is not over when it is cut.
      if (!bed.slow(1, 60)) skip();
      const { sender, receiver } = await begun(['port-restricted', 'port-restricted'], bytes);
      await sender.event('way');
      bed.cut();
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
      expect(await sender.event('sent')).toMatchObject({ way: 'relayed' });
      const last = sender.events('way').at(-1);
      expect(last).toMatchObject({ way: 'relayed', code: 'ANDVARI_UPGRADE_PATH_DIED' });
    },
    PATIENCE_MS,
  );
});
