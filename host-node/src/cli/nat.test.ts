import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StunServer } from '../stun/stun-server.ts';
import {
  NatBed,
  type NatKind,
  OUTSIDE_HOSTS,
  ROUTER_HOST,
  whyNoNatBed,
} from '../stun/testing/nat-bed.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { ChildProgram } from './child-program.ts';
import { runCli } from './testing/cli-network.ts';

const atEnd = closedAfterEach();
const [FIRST, SECOND] = OUTSIDE_HOSTS;

describe('andvari nat', () => {
  it('tells how this machine is seen', async () => {
    const server = await StunServer.open({ listen: { host: '127.0.0.1', port: 0 } });
    atEnd(() => server.close());
    const { code, out, err } = await runCli(['nat', `127.0.0.1:${server.address.port}`]);
    expect(code, err).toBe(0);
    expect(out).toMatch(
      /^seen as 127\.0\.0\.1:(\d+), which is 127\.0\.0\.1:\1 here \(\d+\.\d ms\)$/m,
    );
    expect(out).toContain('no NAT changes the address\n');
    expect(err).toContain('how packets are filtered it cannot tell');
    const json = await runCli(['nat', `localhost:${server.address.port}`, '--json']);
    const event = { event: 'nat', translated: false, mapped: expect.any(String) };
    expect(JSON.parse(json.out)).toMatchObject(event);
  });

  it.each([
    [['nat'], 1, 'ANDVARI_USAGE'],
    [['nat', 'a b'], 1, 'wanted HOST, HOST:PORT or [IPv6]:PORT.'],
    [['nat', '127.0.0.1:99999'], 1, 'ANDVARI_USAGE'],
    [['nat', 'no-such-host.invalid'], 2, 'ANDVARI_UNREACHABLE'],
    [['nat', '127.0.0.1', '--listen', '192.0.2.1:0'], 2, 'ANDVARI_ADDRESS'],
    [['relay', '--plain', '--stun-other', '127.0.0.2:1'], 1, '--stun-other wants --stun'],
    [
      [
        'relay',
        '--plain',
        '--listen',
        '127.0.0.1:0',
        '--stun',
        '0.0.0.0:0',
        '--stun-other',
        '127.0.0.2:1',
      ],
      1,
      'not a wildcard',
    ],
  ])('%j: one clear line', async (words, wanted, text) => {
    const { code, err } = await runCli(words as string[]);
    expect(err).toContain(text as string);
    expect(err).toMatch(/^andvari: [^\n]*\n$/);
    expect(code).toBe(wanted);
  });
});

const why = whyNoNatBed();
describe.skipIf(why)(`andvari nat behind a NAT${why ? ` (${why})` : ''}`, () => {
  let bed: NatBed;
  let relay: ChildProgram;
  let server: string;
  beforeAll(async () => {
    bed = new NatBed();
    const words = ['relay', '--plain', '--listen', `${FIRST}:0`, '--json'];
    const stun = ['--stun', `${FIRST}:3478`, '--stun-other', `${SECOND}:3479`];
    const there = ['ip', 'netns', 'exec', bed.outside];
    relay = new ChildProgram([...words, ...stun], undefined, {}, there);
    const ready = await relay.event('ready');
    expect(ready).toMatchObject({ stun: [`${FIRST}:3478`, `${SECOND}:3479`] });
    server = `${FIRST}:3478`;
  }, 120_000);
  afterAll(async () => {
    relay?.child.kill();
    await relay?.ended;
    bed?.remove();
  });

  const independent = 'endpoint-independent';
  const byBoth = 'address-and-port-dependent';
  it.each([
    ['full cone', independent, independent],
    ['address-restricted', independent, 'address-dependent'],
    ['port-restricted', independent, byBoth],
    ['symmetric', byBoth, byBoth],
  ] as const)(
    '%s: mapping %s, filtering %s',
    async (kind: NatKind, mapping, filtering) => {
      bed.behave(kind);
      const here = ['ip', 'netns', 'exec', bed.inside];
      const asked = new ChildProgram(['nat', server, '--json'], undefined, {}, here);
      expect(await asked.ended, asked.err).toMatchObject({ code: 0 });
      const [report] = asked.events('nat');
      expect(report).toMatchObject({ translated: true, mapping, filtering });
      expect(report?.['mapped']).toMatch(new RegExp(`^${ROUTER_HOST}:`));
      expect(report?.['local']).toMatch(/^10\.78\.0\.2:/);
    },
    60_000,
  );
});
