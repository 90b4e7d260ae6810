import { type StdioOptions, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DamagingProxy } from '../conformance/testing/damaging-proxy.ts';
import {
  andvari,
  type PreparedServer,
  PreparedServers,
} from '../conformance/testing/prepared-server.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

let folder = '';
let servers: PreparedServers;
let server: PreparedServer;
let proxy: DamagingProxy;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-conformance-cli-'));
  servers = await PreparedServers.make();
  server = await servers.start({ wire: 'spec', modern: false });
  proxy = await DamagingProxy.open(server.port);
});
afterAll(async () => {
  await proxy.close();
  await server.stop();
  servers.remove();
  rmSync(folder, { recursive: true });
});

const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const target = (port = server.port) => ['conformance', '--target', `udp://127.0.0.1:${port}`];
const quick = ['--case', 'raida/1/10', '--case', 'raida/header/split'];

describe('andvari conformance', () => {
  it('ends with 0 when all pass, and says so', async () => {
    const { code, out, err } = await andvari([...target(), ...quick]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+ pass, 0 fail, 0 differ \(SHOULD\), 0 not tried\n$/);
    expect(err).toContain('pass raida/1/10/mixed');
    expect(err).toContain('pass raida/header/split');
    expect(err).not.toContain('raida/header/split-255');
  });

  it('ends with 3 when a MUST fails, and shows the bytes', async () => {
    proxy.damage = (reply) => {
      const bytes = Buffer.from(reply);
      bytes[1] = 9;
      return bytes;
    };
    const reports = [join(folder, 'a.xml'), join(folder, 'a.html')] as const;
    const words = [...target(proxy.port), '--case', 'raida/1/10/pass'];
    const { code, err } = await andvari([...words, '--junit', reports[0], '--html', reports[1]]);
    expect(code).toBe(3);
    expect(err).toContain('FAIL raida/1/10/pass: step 1: the reply differs');
    expect(err).toMatch(/came {3}0e 09 f1 .*\n +\^\^\n/);
    expect(readFileSync(reports[0], 'utf8')).toContain(
      '<failure message="step 1: the reply differs"',
    );
    expect(readFileSync(reports[1], 'utf8')).toContain('0e <mark>09</mark> f1');
  });

  it('ends with 0 when only a SHOULD fails', async () => {
    proxy.damage = (reply) => reply.subarray(0, -1);
    const words = [...target(proxy.port), '--case', 'raida/1/10/free'];
    const { code, out } = await andvari(words);
    expect(code).toBe(0);
    expect(out).toBe('0 pass, 0 fail, 1 differ (SHOULD), 0 not tried\n');
  });

  it('tells machines the same, one event per line', async () => {
    proxy.damage = (reply) => {
      const bytes = Buffer.from(reply);
      bytes[0] = 1;
      return bytes;
    };
    const words = [...target(proxy.port), '--case', 'raida/1/10/pass', '--json'];
    const { code, out } = await andvari(words);
    expect(code).toBe(3);
    const [start, one, end, ...rest] = lines(out);
    expect(rest).toEqual([]);
    expect(start).toMatchObject({ event: 'start', wire: 'spec', raidaId: 14, cases: 1 });
    expect(one).toMatchObject({
      ...{ event: 'case', id: 'raida/1/10/pass', verdict: 'fail', level: 'MUST', step: 1 },
      differences: [[0, 1]],
      received: expect.stringMatching(/^01/),
      expected: expect.stringMatching(/^0e/),
    });
    expect(end).toEqual({ event: 'end', pass: 0, fail: 1, warn: 0, skip: 0 });
  });

  it('ends with 2 when nobody answers', async () => {
    proxy.damage = () => undefined;
    const { code, err } = await andvari([...target(proxy.port), '--timeout', '50']);
    expect(code).toBe(2);
    expect(err).toMatch(
      /andvari: udp:\/\/127.0.0.1:\d+ does not answer \(ANDVARI_UNREACHABLE\)\n$/,
    );
  });

  it('ends with 2 when a name is unknown, in one line', async () => {
    for (const transport of ['udp', 'tcp']) {
      const url = `${transport}://no.such.host.invalid:5000`;
      const { code, err } = await andvari(['conformance', '--target', url]);
      expect(code).toBe(2);
      const lastLine = err.trimEnd().split('\n').at(-1);
      expect(lastLine).toMatch(
        /^andvari: .* does not answer \(.*invalid.*\(ANDVARI_UNREACHABLE\)$/,
      );
      expect(err).not.toContain('    at ');
    }
  });

  it('tells machines that nobody answers', async () => {
    proxy.damage = () => undefined;
    const words = [...target(proxy.port), '--timeout', '50', '--json'];
    const { code, out } = await andvari(words);
    expect(code).toBe(2);
    expect(lines(out)).toEqual([
      expect.objectContaining({ event: 'start' }),
      {
        ...{ event: 'error', code: 'ANDVARI_UNREACHABLE' },
        message: expect.stringContaining('does not answer'),
      },
    ]);
  });

  it.skipIf(!existsSync('/dev/full'))('says that its output cannot be written (1)', async () => {
    const words = ['conformance', '--list', '--json', '--case', 'raida/1/10'];
    const full = openSync('/dev/full', 'w');
    const stdio: StdioOptions = ['ignore', full, 'pipe'];
    const { status, stderr } = spawnSync(process.execPath, [main, ...words], { stdio });
    closeSync(full);
    expect(String(stderr)).toMatch(/^andvari: standard output: ENOSPC.*\(ANDVARI_USAGE\)\n$/);
    expect(status).toBe(1);
    const whole = spawnSync(process.execPath, [main, ...words], { stdio: 'pipe' });
    expect(whole.status).toBe(0);
    expect(lines(String(whole.stdout)).length).toBeGreaterThan(1);
  });

  it.each([
    [['conformance']],
    [['conformance', '--target', 'http://127.0.0.1:1']],
    [['conformance', '--target', 'udp://127.0.0.1:1', '--wire', 'modern']],
    [['conformance', '--target', 'udp://127.0.0.1:1', '--raida', '25']],
    [['conformance', '--target', 'udp://127.0.0.1:1', '--timeout', '0']],
    [['conformance', '--target', 'udp://127.0.0.1:1', '--case', 'raida/1/10/nothing']],
    [['conformance', '--target', 'udp://127.0.0.1:1', '--case', 'raida/transport/closes']],
    [['conformance', 'state']],
    [['conformance', 'state', '--raida', 'x', '--out', 'y']],
  ])('says what is wrong with %j (1)', async (words) => {
    const { code, out, err } = await andvari(words);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toMatch(/^andvari: .* \(ANDVARI_USAGE\)\n$/);
  });

  it('lists its cases without asking anyone', async () => {
    const { code, out } = await andvari(['conformance', '--list']);
    expect(code).toBe(0);
    expect(out).toContain('raida/2/50/replayed-claim  MUST  ');
    const udp = ['conformance', '--list', '--target', 'udp://127.0.0.1:1'];
    expect((await andvari(udp)).out).not.toContain('raida/transport/closes');
    const json = await andvari(['conformance', '--list', '--json', '--case', 'raida/1/10/pass']);
    expect(lines(json.out)).toEqual([
      expect.objectContaining({
        ...{ id: 'raida/1/10/pass', level: 'MUST', complete: true },
        steps: [{ request: expect.stringMatching(/^01000e00010a/), statuses: [241], payload: '' }],
      }),
    ]);
  });
});

describe('andvari conformance state', () => {
  it('writes records, files and a configuration for that server', async () => {
    const place = join(folder, 'state');
    const words = ['conformance', 'state', '--raida', '3', '--wire', 'legacy', '--modern'];
    const { code, out } = await andvari([...words, '--out', place]);
    expect(code).toBe(0);
    expect(out).toContain('6de9439834c9147569741d3c9c9fc010');
    const records = readFileSync(join(place, 'coins.ndjson'), 'utf8').trimEnd().split('\n');
    expect(records).toHaveLength(15 * 8 * 1024);
    expect(JSON.parse(records[0]!)).toMatchObject({ den: -8, sn: 0, mfs: 30 });
    expect(JSON.parse(records[512]!)).toMatchObject({ den: -8, sn: 512, mfs: 0 });
    const config = readFileSync(join(place, 'node.toml'), 'utf8');
    for (const line of ['number = 3', 'wire = "legacy"', 'modern = true']) {
      expect(config).toContain(line);
    }
    const data = join(place, 'data');
    expect(readFileSync(join(data, 'Folders/hello.txt'), 'utf8')).toBe('hello raida');
    expect(readlinkSync(join(data, 'Folders/link.txt'))).toBe('../Folders2/outside.txt');
    const coin = readFileSync(join(data, 'coins/00.2100.bin'));
    expect(coin.length).toBe(440);
    // The AN of RAIDA 14 as the recorded vectors give it.
    expect(coin.subarray(40 + 14 * 16, 56 + 14 * 16).toString('hex')).toBe(
      'ff9f2d9857fbd92b825df0cfd6007a2c',
    );
  });

  it('writes over nothing (4)', async () => {
    const place = mkdtempSync(join(folder, 'full-'));
    writeFileSync(join(place, 'mine'), '');
    const { code, err } = await andvari(['conformance', 'state', '--out', place]);
    expect(code).toBe(4);
    expect(err).toContain('(ANDVARI_FILE_EXISTS)');
    expect(existsSync(join(place, 'coins.ndjson'))).toBe(false);
  });
});
