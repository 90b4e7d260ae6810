import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { certificates } from '../ratatoskr/testing/certificates.ts';
import { placesForTests } from '../ratatoskr/testing/places.ts';
import type { PlaceOptions } from '../ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../ratatoskr/testing/real-clock.ts';
import { folderForTests } from '../testing/folder.ts';
import { runCli } from './testing/cli-network.ts';
import { callerOf } from './testing/device-caller.ts';

const folder = folderForTests('ratatoskr');
const startPlace = placesForTests();
const path = (name: string) => folder.at(name);

/** A server that knows the key that `keygen` has made, and the words of a call of it. */
async function start(options: PlaceOptions = {}) {
  const place = await startPlace({ clock: new RealClock(), refuseBeforeS: 0, ...options });
  const wordsOf = await callerOf(place, folder);
  const words = (...more: string[]) => wordsOf(place.url, ...more);
  const serverKey = Buffer.from(place.server.publicKey as Uint8Array).toString('hex');
  return { place, serverKey, words };
}

describe('andvari ratatoskr keygen', () => {
  it('writes a key for its owner alone, and tells the public half', async () => {
    const words = ['ratatoskr', 'keygen', path('key'), '--device', "ann's", '--user', 'ann'];
    const made = await runCli(words);
    expect(made.code).toBe(0);
    expect(made.out).toMatch(/^[0-9a-f]{64}\n$/);
    const key = made.out.trim();
    expect(made.err).toContain(`ratatoskr register 'ann'\\''s' --key ${key} --user ann\n`);
    expect(statSync(path('key')).mode & 0o777).toBe(0o600);
    const secret = readFileSync(path('key'), 'utf8').trim();
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(made.out + made.err).not.toContain(secret);
    // Never over a key that is there.
    const again = await runCli(words);
    expect([again.code, again.err]).toEqual([4, expect.stringContaining('ANDVARI_FILE_EXISTS')]);
    expect(readFileSync(path('key'), 'utf8').trim()).toBe(secret);
    const other = await runCli(['ratatoskr', 'keygen', path('other'), '--json']);
    expect(JSON.parse(other.out)).toMatchObject({ event: 'key', file: path('other') });
  });
});

describe('andvari ratatoskr call', () => {
  it('tells the answer', async () => {
    const { serverKey, words } = await start();
    const plain = await runCli(words());
    expect([plain.code, plain.out]).toEqual([0, '{"n":1}\n']);
    expect(plain.err).toMatch(/ms, signature not checked \(no --server-key\)\n$/);
    const unchecked = JSON.parse((await runCli(words('--json'))).out);
    expect(unchecked).toMatchObject({ event: 'answer', answer: { n: 1 } });
    expect(unchecked).not.toHaveProperty('signed');
    const signed = await runCli(words('--server-key', serverKey, '--v2', '--json'));
    expect(JSON.parse(signed.out)).toMatchObject({
      ...{ event: 'answer', signed: true, answer: { n: 1 } },
    });
  });

  it('over TLS, trusts an authority or a certificate, and nobody else', async () => {
    const { words } = await start({ tls: true });
    writeFileSync(path('ca.pem'), certificates[0].cert);
    writeFileSync(path('other.pem'), certificates[1].cert);
    const hashOf = (pem: string) =>
      createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
    const codeOf = async (...more: string[]) => (await runCli(words(...more))).code;
    expect(await codeOf()).toBe(2);
    expect(await codeOf('--ca', path('ca.pem'))).toBe(0);
    expect(await codeOf('--ca', path('other.pem'))).toBe(2);
    expect(await codeOf('--certificate-hash', hashOf(certificates[0].cert))).toBe(0);
    const wrong = await runCli(words('--certificate-hash', hashOf(certificates[1].cert)));
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('its hash is not the one that is meant');
  });

  it('says no, in the exit code too', async () => {
    const { place, words } = await start({
      bus: {
        fallback: {
          name: 'no',
          handle: () => new TextEncoder().encode('{"ok":false,"error":"NOT_TODAY"}'),
        },
      },
    });
    const told = await runCli(words());
    expect([told.code, told.out]).toEqual([4, '{"ok":false,"error":"NOT_TODAY"}\n']);
    place.registry.revoke('laptop');
    const refused = await runCli(words());
    expect([refused.code, refused.out]).toEqual([4, '']);
    expect(refused.err).toMatch(/^andvari: UNAUTHENTICATED: .* \(ANDVARI_REFUSED\)\n$/);
  });

  it.each([
    [['--request-id', 'abc'], 'wanted a UUID'],
    [['--request-id', ''], 'wanted a UUID'],
    [['--device', ''], 'deviceId: wanted at least one character'],
    [['--user', 'x'.repeat(257)], 'userId: wanted at most 256 bytes'],
    [['--server-key', '00'.repeat(32)], 'serverKey: it is no key'],
  ])('sends nothing with %j', async (more, problem) => {
    let runs = 0;
    const handle = () => Uint8Array.of(++runs);
    const { words } = await start({ bus: { fallback: { name: 'count', handle } } });
    const told = await runCli(words(...more));
    expect([told.code, told.out, runs]).toEqual([1, '', 0]);
    expect(told.err).toContain(problem);
  });

  it('tells an answer that the server has not signed from others', async () => {
    const { words } = await start();
    const other = await runCli(['ratatoskr', 'keygen', path('another-server.key')]);
    const wrong = await runCli(words('--server-key', other.out.trim()));
    expect([wrong.code, wrong.out]).toEqual([3, '']);
    expect(wrong.err).toContain('ANDVARI_UNTRUSTED');
  });

  it('ends after its time, and then says how to ask again', async () => {
    let runs = 0;
    const waiting: (() => void)[] = [];
    const { words } = await start({
      bus: {
        fallback: {
          name: 'slow',
          handle: () => {
            runs++;
            return new Promise((resolve) => waiting.push(() => resolve(Uint8Array.of(0xff))));
          },
        },
      },
    });
    const late = await runCli(words('--timeout', '2500'));
    expect(late.code).toBe(2);
    expect(late.err).toMatch(/ask again with --request-id [0-9a-f-]{36}\n/);
    expect(late.err).toMatch(/\n.*wss?:\/\/.* within \d+ ms \(ANDVARI_TIMEOUT\)\n$/);
    for (const end of waiting) end();
    const requestId = /--request-id (\S+)/.exec(late.err)?.[1] as string;
    const again = await runCli(words('--request-id', requestId));
    expect([again.code, again.out, runs]).toEqual([0, 'ff\n', 1]);
  });

  it.each([-3, 400])('goes by the signed time of a server that is %i s ahead', async (aheadS) => {
    const clock = Object.assign(new RealClock(), { aheadS });
    const { serverKey, words } = await start({ clock });
    const checked = await runCli(words('--server-key', serverKey));
    expect([checked.code, checked.out]).toEqual([0, '{"n":1}\n']);
    // Whose time an unsigned answer tells is not known.
    const plain = await runCli(words());
    const told = /^andvari: .* clock is (\d+) s (.*) the server's: .*\(ANDVARI_REFUSED\)\n$/;
    const [, seconds, direction] = told.exec(plain.err) ?? [];
    expect([plain.code, direction]).toEqual([4, aheadS < 0 ? 'ahead of' : 'behind']);
    expect(Math.abs(Number(seconds) - Math.abs(aheadS))).toBeLessThanOrEqual(1);
    expect(plain.err).not.toContain('may have been executed');
  });

  it('corrects its clock once', async () => {
    const clock = new RealClock();
    const { serverKey, words } = await start({ clock });
    let tries = 0;
    clock.wallMs = () => {
      tries++;
      // Runs away from whoever follows it.
      return Date.now() - 1_000_000 * tries;
    };
    const lost = await runCli(words('--server-key', serverKey));
    expect(lost.code).toBe(4);
    expect(lost.err).toMatch(/^andvari: .*clock is \d+ s ahead of the server's: set it \(/);
  });

  it('says that it may have been executed only when it may', async () => {
    const fails = () => {
      throw new Error('broken');
    };
    const routes = new Map([['BROKEN', { name: 'broken', handle: fails }]]);
    const { serverKey, words } = await start({ bus: { routes } });
    for (const more of [[], ['--server-key', serverKey]]) {
      writeFileSync(path('request.json'), '{"request_type":"NOBODY"}');
      const nobody = await runCli(words(...more));
      expect([nobody.code, nobody.err]).toEqual([
        4,
        'andvari: SERVICE_UNAVAILABLE: not executed: no service has this name (ANDVARI_REFUSED)\n',
      ]);
      writeFileSync(path('request.json'), '{"request_type":"BROKEN"}');
      const broken = await runCli(words(...more));
      expect(broken.code).toBe(4);
      expect(broken.err).toMatch(/^it may have been executed: ask again with --request-id /);
    }
  });

  it('takes no wrong use', async () => {
    const { place, words } = await start();
    const errorOf = async (list: string[]) => {
      const { code, err } = await runCli(list);
      return `${code} ${err}`;
    };
    writeFileSync(path('no.json'), '{"a":');
    const put = (from: string, to: string) => words().map((word) => (word === from ? to : word));
    expect(await errorOf(put(path('request.json'), path('no.json')))).toMatch(/^1 .*as JSON/);
    writeFileSync(path('lines.json'), '{"a": \n\n nothing\n}\n');
    const lines = await errorOf(put(path('request.json'), path('lines.json')));
    expect(lines).toMatch(/^1 andvari: .*as JSON: .*\(ANDVARI_INPUT\)\n$/);
    const end = '-----END CERTIFICATE-----';
    for (const junk of ['junk', `-----BEGIN CERTIFICATE-----\nanVuaw==\n${end}\n`]) {
      writeFileSync(path('junk.pem'), junk);
      expect(await errorOf(words('--ca', path('junk.pem')))).toMatch(/^1 .*junk\.pem: .*\n$/);
    }
    const secure = place.url.replace('ws:', 'wss:');
    expect(await errorOf(put(place.url, secure))).toMatch(
      /^2 andvari: .*websocket: 127\.0\.0\.1:\d+ does not speak TLS .*\(ANDVARI_UNREACHABLE\)\n$/,
    );
    expect(await errorOf(put(path('request.json'), path('none')))).toMatch(/^1 .*ENOENT/);
    expect(await errorOf(put(path('device.key'), path('request.json')))).toMatch(/^1 .*64 hex/);
    expect(await errorOf(put(place.url, 'ws://example.org/'))).toMatch(/^1 .*wanted a wss:/);
    expect(await errorOf(put(place.url, 'no address'))).toMatch(/^1 .*wanted a wss:/);
    expect(await errorOf(put(place.url, 'https://localhost/#a'))).toMatch(/^1 .*wanted a wss:/);
    expect(await errorOf(put(place.url, 'http://example.org/n.json'))).toMatch(/^1 .*wanted a/);
    const nine = Array(9)
      .fill(['--certificate-hash', '00'.repeat(32)])
      .flat();
    expect(await errorOf(words(...nine))).toMatch(/^1 .*at most 8/);
    expect(await errorOf(words('--server-key', 'ab'))).toMatch(/^1 .*64 hex digits/);
    await place.close();
    expect(await errorOf(words())).toMatch(/^2 .*ECONNREFUSED.*\(ANDVARI_UNREACHABLE\)/);
  });

  it('is interrupted', async () => {
    const stop = new AbortController();
    const { words } = await start({
      bus: { fallback: { name: 'never', handle: () => new Promise(() => stop.abort()) } },
    });
    const cut = await runCli(words(), { signal: stop.signal });
    expect(cut.code).toBe(2);
    expect(cut.err).toMatch(/--request-id \S+\nandvari: interrupted \(ANDVARI_INTERRUPTED\)\n$/);
  });
});
