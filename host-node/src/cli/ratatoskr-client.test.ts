import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificates } from '../ratatoskr/testing/certificates.ts';
import {
  type PlaceOptions,
  RatatoskrPlace,
  TestClock,
} from '../ratatoskr/testing/ratatoskr-place.ts';
import { runCli } from './testing/cli-network.ts';

class RealClock extends TestClock {
  override wallS(): number {
    return Math.floor(Date.now() / 1000);
  }
}

let directory = '';
const ends: (() => unknown)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'andvari-ratatoskr-'));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(directory, { recursive: true });
});

const path = (name: string) => join(directory, name);

/** A server that knows the key that `keygen` has made, and the words of a call of it. */
async function start(options: PlaceOptions = {}) {
  const place = await RatatoskrPlace.start({
    clock: new RealClock(),
    refuseBeforeS: 0,
    ...options,
  });
  ends.push(() => place.close());
  const { out } = await runCli(['ratatoskr', 'keygen', path('device.key')]);
  place.registry.register({
    deviceId: 'laptop',
    publicKey: Uint8Array.from(Buffer.from(out.trim(), 'hex')),
    userIds: ['ann'],
  });
  writeFileSync(path('request.json'), '{"n":1}');
  const serverKey = Buffer.from(place.server.publicKey as Uint8Array).toString('hex');
  const words = (...more: string[]) => [
    ...['ratatoskr', 'call', place.url, path('request.json')],
    ...['--key', path('device.key'), '--device', 'laptop', '--user', 'ann'],
    ...more,
  ];
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
    expect(plain.err).toMatch(/answered in [\d.]+ ms, not signed\n$/);
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
    expect(wrong.err).toContain('certificate of the server is not the one that is meant');
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
    expect(late.err).toMatch(/ask again with --request-id [0-9a-f-]{36}\n.*\(ANDVARI_TIMEOUT\)\n$/);
    for (const end of waiting) end();
    const requestId = /--request-id (\S+)/.exec(late.err)?.[1] as string;
    const again = await runCli(words('--request-id', requestId));
    expect([again.code, again.out, runs]).toEqual([0, 'ff\n', 1]);
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
    expect(await errorOf(put(path('request.json'), path('none')))).toMatch(/^1 .*ENOENT/);
    expect(await errorOf(put(path('device.key'), path('request.json')))).toMatch(/^1 .*64 hex/);
    expect(await errorOf(put(place.url, 'ws://example.org/'))).toMatch(/^1 .*wanted a wss:/);
    expect(await errorOf(put(place.url, 'no address'))).toMatch(/^1 .*wanted a wss:/);
    expect(await errorOf(words('--server-key', 'ab'))).toMatch(/^1 .*64 hex digits/);
    await place.close();
    expect(await errorOf(words())).toMatch(/^2 .*ECONNREFUSED.*\(ANDVARI_UNREACHABLE\)/);
    ends.length = 0;
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
