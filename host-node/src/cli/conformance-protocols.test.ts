/** `andvari conformance --protocol`: what it is told, and what it tells. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { andvari } from '../conformance/testing/prepared-server.ts';
import { certificates } from '../ratatoskr/testing/certificates.ts';
import { placesForTests } from '../ratatoskr/testing/places.ts';
import { RealClock } from '../ratatoskr/testing/real-clock.ts';
import { folderForTests } from '../testing/folder.ts';

const here = folderForTests('conformance-protocols');
const ratatoskr = ['conformance', '--protocol', 'ratatoskr'];

describe('andvari conformance --protocol ratatoskr', () => {
  const start = placesForTests();

  it('ends with 0 when all pass, and leaves out what wants a device', async () => {
    const { url } = await start({ clock: new RealClock() });
    const words = ['--case', 'ratatoskr/transport', '--case', 'ratatoskr/replay/same'];
    const { code, out, err } = await andvari([...ratatoskr, '--target', url, ...words]);
    expect(out).toBe('4 pass, 0 fail, 0 differ (SHOULD), 1 not tried\n');
    expect(err).toContain('pass ratatoskr/transport/text');
    expect(code).toBe(0);
  });

  it('ends with 3 when a MUST fails, and shows the bytes', async () => {
    const clock = new RealClock();
    const { url } = await start({ clock, skewS: 500 });
    const words = ['--target', url, '--case', 'ratatoskr/timestamp/future', '--json'];
    const junit = here.at('result.xml');
    const { code, out } = await andvari([...ratatoskr, ...words, '--junit', junit]);
    const [begin, one, end] = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(begin).toMatchObject({ event: 'start', protocol: 'Ratatoskr', device: null, cases: 1 });
    expect(one).toMatchObject({
      ...{ event: 'case', id: 'ratatoskr/timestamp/future', verdict: 'fail', section: '3' },
      problem: 'wanted TIMESTAMP_INVALID, got UNAUTHENTICATED',
      request: expect.stringMatching(/^08031224/),
      received: expect.stringMatching(/^0806/),
    });
    expect(end).toEqual({ event: 'end', pass: 0, fail: 1, warn: 0, skip: 0 });
    expect(readFileSync(junit, 'utf8')).toContain('name="Ratatoskr conformance of ws://127.0.0.1');
    expect(code).toBe(3);
  });

  it('trusts over TLS whom it is told to trust, and nobody else', async () => {
    const { url } = await start({ clock: new RealClock(), tls: true });
    const ca = here.at('ca.pem');
    writeFileSync(ca, certificates[0].cert);
    const words = [...ratatoskr, '--target', url, '--case', 'ratatoskr/transport/subprotocol'];
    expect((await andvari([...words, '--ca', ca])).code).toBe(0);
    const { code, err } = await andvari(words);
    expect(err).toMatch(/does not answer \(self-signed certificate.*\) \(ANDVARI_UNREACHABLE\)\n$/);
    expect(code).toBe(2);
  });

  it('ends with 2 when nobody answers', async () => {
    const target = ['--target', 'ws://127.0.0.1:1/ratatoskr'];
    const { code, err } = await andvari([...ratatoskr, ...target]);
    expect(err).toMatch(/does not answer \(connect ECONNREFUSED .*\) \(ANDVARI_UNREACHABLE\)\n$/);
    expect(code).toBe(2);
  });

  it('lists its cases without asking anyone', async () => {
    const { out } = await andvari([...ratatoskr, '--list']);
    expect(out).toContain('ratatoskr/signature/s-plus-l  MUST  ');
    expect(out).not.toContain('raida/');
  });

  it.each([
    [['--target', 'udp://127.0.0.1:1']],
    [['--target', 'ws://127.0.0.1:1/', '--device', 'd']],
    [['--target', 'ws://127.0.0.1:1/', '--server-key', 'aa']],
    [['--target', 'ws://127.0.0.1:1/', '--case', 'raida/1']],
  ])('says what is wrong with %j (1)', async (words) => {
    const { code, err } = await andvari([...ratatoskr, ...words]);
    expect(err).toMatch(/^andvari: .* \(ANDVARI_USAGE\)\n$/);
    expect(code).toBe(1);
  });
});
