// andvari send, receive, ping and relay, each a process of its own: from the relay to a direct way.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type NatKind, whyNoNatBed } from '../stun/testing/nat-bed.ts';
import { BETWEEN_HOST, type Carriers, TwoNats } from '../stun/testing/two-nats.ts';
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
        const { ways } = (await child.event('ways')) as { ways: { way: string; bytes: number }[] };
        expect(ways.at(-1)).toMatchObject({ way: 'punched' });
        // All of the file, and some words about it.
        const all = ways.reduce((sum, one) => sum + one.bytes, 0);
        expect(all - bytes.length).toBeGreaterThanOrEqual(0);
        expect(all - bytes.length).toBeLessThan(100_000);
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

type Kinds = readonly [NatKind, NatKind];

/** Two programs, each behind the NAT of its site, and of a carrier if there is one. */
interface Place {
  homes: Kinds;
  carriers?: { count: 'one' | 'two'; kinds: Kinds; hairpin?: boolean };
}

/** From the one that is most easily reached on; behind two NATs the later one counts. */
const KINDS: NatKind[] = ['full cone', 'address-restricted', 'port-restricted', 'symmetric'];
const ONE_EACH: Place[] = KINDS.flatMap((one) => KINDS.map((other) => ({ homes: [one, other] })));
const [FULL, , PORT, SYMMETRIC] = KINDS as [NatKind, NatKind, NatKind, NatKind];
const TWO_EACH: Place[] = [
  { homes: [PORT, PORT], carriers: { count: 'two', kinds: [PORT, PORT] } },
  { homes: [FULL, PORT], carriers: { count: 'two', kinds: [FULL, PORT] } },
  { homes: [PORT, FULL], carriers: { count: 'two', kinds: [SYMMETRIC, FULL] } },
  { homes: [SYMMETRIC, FULL], carriers: { count: 'two', kinds: [FULL, FULL] } },
  { homes: [FULL, PORT], carriers: { count: 'two', kinds: [SYMMETRIC, PORT] } },
  { homes: [SYMMETRIC, PORT], carriers: { count: 'two', kinds: [PORT, FULL] } },
];
const [AT_ONE, ...MORE_AT_ONE]: [Place, ...Place[]] = [
  { homes: [PORT, PORT], carriers: { count: 'one', kinds: [PORT, PORT], hairpin: true } },
  { homes: [FULL, FULL], carriers: { count: 'one', kinds: [PORT, PORT], hairpin: true } },
  { homes: [SYMMETRIC, FULL], carriers: { count: 'one', kinds: [PORT, PORT], hairpin: true } },
  { homes: [SYMMETRIC, PORT], carriers: { count: 'one', kinds: [PORT, PORT], hairpin: true } },
  { homes: [FULL, FULL], carriers: { count: 'one', kinds: [PORT, PORT] } },
];
const FEW: Place[] = [{ homes: [SYMMETRIC, FULL] }, AT_ONE];
const ALL: Place[] = [...ONE_EACH, ...TWO_EACH, AT_ONE, ...MORE_AT_ONE];

/** Where a port is guessed for which nothing has been sent, nobody gets in. */
function isDirect({ homes, carriers }: Place): boolean {
  // What a carrier turns around it lets in.
  if (carriers?.count === 'one' && !carriers.hairpin) return false;
  const outer = carriers?.count === 'two' ? carriers.kinds : homes;
  const kinds = homes.map((kind, i) =>
    Math.max(KINDS.indexOf(kind), KINDS.indexOf(outer[i] as NatKind)),
  );
  const hard = kinds.filter((kind) => kind >= KINDS.indexOf(PORT));
  return hard.length < 2 || !hard.includes(KINDS.indexOf(SYMMETRIC));
}

function nameOf({ homes, carriers }: Place): string {
  if (!carriers) return homes.join(' and ');
  if (carriers.count === 'two') {
    return homes.map((kind, i) => `${kind} behind ${carriers.kinds[i]}`).join(' and ');
  }
  return `${homes.join(' and ')} at one carrier${carriers.hairpin ? ' that hairpins' : ''}`;
}

/** For the table in docs/architecture.md. */
function tellFigures(place: Place, sender: ChildProgram, startMs: number): void {
  const [way] = sender.events('way');
  const [sent] = sender.events('sent');
  const figures = { ...way, sentMs: sent?.['durationMs'], allMs: performance.now() - startMs };
  console.log(`${nameOf(place)}: ${JSON.stringify(figures)}`);
}

const why = whyNoNatBed();
describe.skipIf(why)(`behind NATs${why ? ` (${why})` : ''}`, () => {
  const beds: Partial<Record<Carriers | 'ipv6', TwoNats>> = {};
  afterAll(() => {
    for (const bed of Object.values(beds)) bed.remove();
  });

  /** As if nothing had gone before. */
  function bedOf({ homes, carriers }: Place): TwoNats {
    const count = carriers?.count ?? 'none';
    beds[count] ??= new TwoNats(count);
    const bed = beds[count];
    bed.join();
    bed.behave(homes, carriers);
    return bed;
  }

  async function begun(bed: TwoNats, bytes: Uint8Array) {
    const there = (namespace: string) => ['ip', 'netns', 'exec', namespace];
    nodes.startedBy = { receiver: there(bed.sites[0]), sender: there(bed.sites[1]) };
    nodes.host = { own: '[::]', called: BETWEEN_HOST };
    const stun = `${BETWEEN_HOST}:3478`;
    const rate = ['--rate', '8000000', '--stun', stun];
    const url = await relay(BETWEEN_HOST, there(bed.between), ...rate);
    return sent(url, nodes.fileOf('x.bin', bytes), '--stun', stun);
  }

  it.each((isLong ? ALL : FEW).map((place) => [nameOf(place), place] as const))(
    '%s: 16 MiB arrive, by the way that is expected',
    async (_name, place) => {
      const bytes = randomBytes(16 * 1024 * 1024);
      const startMs = performance.now();
      const { sender, receiver } = await begun(bedOf(place), bytes);
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
      const way = isDirect(place) ? 'punched' : 'relayed';
      for (const [child, last] of [
        [sender, 'sent'],
        [receiver, 'received'],
      ] as const) {
        expect(await child.event('offered')).toMatchObject({ way: 'relayed' });
        expect(await child.event(last)).toMatchObject({ way });
      }
      if (isLong) tellFigures(place, sender, startMs);
    },
    PATIENCE_MS,
  );

  it(
    'between two symmetric NATs that have IPv6 beside: by that, through both firewalls',
    async () => {
      const bytes = randomBytes(16 * 1024 * 1024);
      const bed = new TwoNats();
      beds.ipv6 = bed;
      bed.behave([SYMMETRIC, SYMMETRIC]);
      bed.addIpv6();
      const { sender, receiver } = await begun(bed, bytes);
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
      const at = expect.stringMatching(/^\[2001:db8:1::2\]:\d+$/);
      expect(await sender.event('way')).toMatchObject({ way: 'punched', place: 'host', at });
      expect(await receiver.event('received')).toMatchObject({ way: 'punched' });
    },
    PATIENCE_MS,
  );

  it(
    'a direct way that is cut in the middle: the rest goes by the relay',
    async ({ skip }) => {
      const bytes = randomBytes(24 * 1024 * 1024);
      // So that it is not over when it is cut.
      const bed = bedOf({ homes: [PORT, PORT] });
      if (!bed.slow(1, 60)) skip();
      const { sender, receiver } = await begun(bed, bytes);
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

  it(
    'a machine that gets another address in the middle joins the relay, and is direct again',
    async ({ skip }) => {
      const bytes = randomBytes(8 * 1024 * 1024);
      const bed = bedOf({ homes: [PORT, PORT] });
      if (!bed.slow(1, 20)) skip();
      const { sender, receiver } = await begun(bed, bytes);
      await sender.event('way');
      bed.move(1);
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
      const ways = sender.events('way').map(({ way }) => way);
      expect(ways).toEqual(['punched', 'relayed', 'punched']);
      expect(await sender.event('sent')).toMatchObject({ way: 'punched' });
    },
    PATIENCE_MS,
  );
});
