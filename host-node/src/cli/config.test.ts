// andvari config check and show.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { makeCertificate } from '../webtransport/certificate-der.ts';
import { CommandContext } from './command-context.ts';
import type { Finding } from './config-check.ts';
import { runProgram } from './program.ts';

const folder = folderForTests('config');
const KEY = '00112233445566778899aabbccddeeff';

async function run(words: string[], env: Record<string, string> = {}, signal?: AbortSignal) {
  let [out, err] = ['', ''];
  const context = new CommandContext({
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: { XDG_DATA_HOME: folder.at('user'), ...env },
    signal: signal ?? new AbortController().signal,
  });
  return { code: await runProgram(words, context), out, err };
}

function configured(...lines: string[]): string {
  writeFileSync(folder.at('node.toml'), `${lines.join('\n')}\n`, { mode: 0o600 });
  return folder.at('node.toml');
}

/** What is wrong, without the folder's name; exit code 1 comes with an error, and only so. */
async function findings(...lines: string[]): Promise<Finding[]> {
  const before = readdirSync(folder.path, { recursive: true });
  const { code, out } = await run(['config', 'check', '--json', '--config', configured(...lines)]);
  const after = readdirSync(folder.path, { recursive: true });
  expect(after.filter((name) => name !== 'node.toml')).toEqual(
    before.filter((name) => name !== 'node.toml'),
  );
  const result = JSON.parse(out.replaceAll(`${folder.path}/`, ''));
  const isWrong = result.findings.some(({ severity }: Finding) => severity === 'error');
  expect({ code, ok: result.ok }).toEqual(isWrong ? { code: 1, ok: false } : { code: 0, ok: true });
  return result.findings;
}

const brief = ({ severity, key, line, code }: Finding) => ({ severity, key, line, code });
const RAIDA = ['raida.number = 0', 'raida.listen = "127.0.0.1:0"', 'http.listen = "127.0.0.1:0"'];

it('finds nothing wrong with what serve starts with', async () => {
  const lines = [...RAIDA, 'store.url = "memory:"', 'raida.pages_per_denomination = 1'];
  expect(await findings(...lines, 'io.workers = 1', 'log.level = "fatal"')).toEqual([]);
  const stop = AbortSignal.abort();
  expect(await run(['serve', '--config', folder.at('node.toml')], {}, stop)).toMatchObject({
    code: 0,
  });
});

it('tells everything at once, each with file, line, key and a code', async () => {
  const lines = ['[raida]', 'number = 99', 'colour = "red"', 'proxy_addr = "10.0.0.1"'];
  lines.push('[node]', 'data_dir = "node.toml/data"', '[io]', 'backend = "af_xdp"', '[oi]');
  const found = await findings(...lines);
  expect(found.map(brief)).toEqual([
    { severity: 'error', key: 'raida.colour', line: 3, code: 'ANDVARI_CONFIG_UNKNOWN' },
    { severity: 'error', key: 'oi', line: 9, code: 'ANDVARI_CONFIG_UNKNOWN' },
    { severity: 'error', key: 'raida.number', line: 2, code: 'ANDVARI_CONFIG_VALUE' },
    { severity: 'error', key: 'raida.proxy_addr', line: 4, code: 'ANDVARI_CONFIG_MISSING' },
    { severity: 'error', key: 'io.backend', line: 8, code: 'ANDVARI_CONFIG_MISSING' },
    { severity: 'error', key: 'node.data_dir', line: 6, code: 'ANDVARI_DIRECTORY' },
    { severity: 'error', key: 'store.url', line: undefined, code: 'ANDVARI_DIRECTORY' },
  ]);
  expect(found[0]).toMatchObject({ file: 'node.toml', reason: 'unknown key' });
  const told = await run(['config', 'check', '--config', folder.at('node.toml')]);
  expect(told.code).toBe(1);
  expect(told.out).toContain(':3: error: raida.colour: unknown key (ANDVARI_CONFIG_UNKNOWN)\n');
  expect(told.err).toMatch(/^serve would not start \(errors: 7, warnings: 0\)\n$/);
});

it('tells a file that is none, is no TOML, or has not what must be there', async () => {
  const missing = await run(['config', 'check', '--json', '--config', folder.at('none.toml')]);
  expect(missing.code).toBe(1);
  expect(JSON.parse(missing.out).findings).toMatchObject([{ code: 'ANDVARI_CONFIG_FILE' }]);
  expect(await findings('[raida]', 'number = = 1')).toMatchObject([
    { line: 2, code: 'ANDVARI_CONFIG_TOML' },
  ]);
  expect((await findings('[log]')).map(brief)).toEqual([
    { severity: 'error', code: 'ANDVARI_CONFIG_NOTHING' },
  ]);
  const flags = ['--raida-number', '7', '--store-url', 'memory:'];
  expect(await run(['config', 'check', ...flags], {})).toMatchObject({ code: 0, out: '' });
  const wrong = await run(['config', 'check', '--raida-number', '77'], {});
  expect(wrong.out).toMatch(/^--raida-number: error: raida.number: wanted an integer 0-24/);
});

it.each([
  ['127.0.0.1:7000', '127.0.0.1:7000', true],
  ['127.0.0.1:7000', '0.0.0.0:7000', true],
  ['127.0.0.1:7000', '[::]:7000', true],
  ['[::1]:7000', '0.0.0.0:7000', false],
  ['127.0.0.1:7000', '127.0.0.2:7000', false],
  ['127.0.0.1:7000', '127.0.0.1:7001', false],
  ['127.0.0.1:0', '127.0.0.1:0', false],
])('RAIDA at %s and HTTP at %s want one port: %s', async (raida, http, isWrong) => {
  const lines = ['raida.number = 0', `raida.listen = "${raida}"`, `http.listen = "${http}"`];
  const code = 'ANDVARI_CONFIG_PORT_TWICE';
  const wanted = isWrong ? [{ severity: 'error', key: 'http.listen', line: 3, code }] : [];
  expect((await findings(...lines)).map(brief)).toEqual(wanted);
});

it('knows TCP from UDP', async () => {
  const lines = ['raida.number = 0', 'raida.listen = "127.0.0.1:7000"'];
  const tcp = ['http.listen = "127.0.0.1:7001"', 'transfer.listen = "127.0.0.1:7001"'];
  const isTwice = ({ code }: Finding) => code === 'ANDVARI_CONFIG_PORT_TWICE';
  expect((await findings(...lines, ...tcp)).filter(isTwice)).toEqual([]);
  const udp = await findings(...lines, 'transfer.listen = "127.0.0.1:7000"');
  expect(udp.filter(isTwice)).toMatchObject([{ key: 'transfer.listen' }]);
  const peer = ['peer.listen = "127.0.0.1:7002"', 'peer.websocket_listen = "127.0.0.1:7002"'];
  const sockets = await findings(...lines, ...peer);
  expect(sockets.filter(isTwice)).toMatchObject([{ key: 'peer.websocket_listen' }]);
});

it.each([
  [1365, 100_000, false],
  [1366, 100_000, true],
  [100_000, 7_562, false],
  [100_000, 7_563, true],
])(
  '%i messages a minute and %i an hour are more than is remembered: %s',
  async (minute, hour, isWarned) => {
    const rates = [`ratatoskr.rate_per_minute = ${minute}`, `ratatoskr.rate_per_hour = ${hour}`];
    const lines = ['raida.number = 0', 'ratatoskr.listen = "127.0.0.1:0"', ...rates];
    const isRate = ({ code }: Finding) => code === 'ANDVARI_CONFIG_RATE';
    const warned = { severity: 'warning', key: 'ratatoskr.rate_per_minute', line: 3 };
    const found = (await findings(...lines)).filter(isRate);
    expect(found).toMatchObject(isWarned ? [warned] : []);
  },
);

it('reads certificate and key', async () => {
  const times = { notBeforeMs: Date.now() - 1000, notAfterMs: Date.now() + 3_600_000 };
  for (const name of ['a', 'b']) {
    const { cert, key } = makeCertificate({ hosts: ['localhost'], ...times });
    writeFileSync(folder.at(`${name}.pem`), cert);
    writeFileSync(folder.at(`${name}.key`), key, { mode: 0o600 });
  }
  const with_ = (cert: string, key: string) =>
    findings(
      ...[...RAIDA, '[ratatoskr]', 'listen = "0.0.0.0:0"'],
      ...[`tls_cert_file = "${cert}"`, `tls_key_file = "${key}"`],
    );
  expect(await with_('a.pem', 'a.key')).toEqual([]);
  const code = 'ANDVARI_CERTIFICATE';
  const wrong = { severity: 'error', code };
  expect((await with_('a.pem', 'b.key')).map(brief)).toEqual([
    { ...wrong, key: 'ratatoskr.tls_key_file', line: 7 },
  ]);
  expect((await with_('c.pem', 'a.key')).map(brief)).toEqual([
    { ...wrong, key: 'ratatoskr.tls_cert_file', line: 6 },
  ]);
  chmodSync(folder.at('a.key'), 0o644);
  expect((await with_('a.pem', 'a.key')).map(brief)).toEqual([
    {
      ...{ severity: 'warning', key: 'ratatoskr.tls_key_file', line: 7 },
      code: 'ANDVARI_CONFIG_KEY_MODE',
    },
  ]);
  const plain = await findings(...RAIDA, '[ratatoskr]', 'listen = "0.0.0.0:0"');
  expect(plain).toMatchObject([{ key: 'ratatoskr.listen', code: 'ANDVARI_RATATOSKR_PLAIN' }]);
});

it('looks at the files of [transfer]', async () => {
  const lines = [...RAIDA, '[transfer]', 'listen = "127.0.0.1:0"', 'identity_file = "me.key"'];
  const key = 'transfer.identity_file';
  expect(await findings(...lines)).toMatchObject([{ key, line: 6, severity: 'error' }]);
  expect((await run(['keygen', folder.at('me.key')])).code).toBe(0);
  expect(await findings(...lines)).toEqual([]);
  chmodSync(folder.at('me.key'), 0o640);
  expect(await findings(...lines)).toMatchObject([{ key, code: 'ANDVARI_IDENTITY_MODE' }]);
  chmodSync(folder.at('me.key'), 0o600);
  mkdirSync(folder.at('c.sock'));
  const more = ['control_socket = "c.sock"', 'folder = "me.key"'];
  expect((await findings(...lines, ...more)).map(brief)).toEqual([
    { severity: 'error', key: 'transfer.folder', line: 8, code: 'ANDVARI_DIRECTORY' },
    { severity: 'error', key: 'transfer.control_socket', line: 7, code: 'ANDVARI_CONTROL_SOCKET' },
  ]);
});

it('warns of a secret that others can read', async () => {
  writeFileSync(folder.at('admin.key'), KEY, { mode: 0o600 });
  const lines = [...RAIDA, 'raida.admin_key_file = "admin.key"'];
  expect(await findings(...lines)).toEqual([]);
  chmodSync(folder.at('admin.key'), 0o604);
  expect((await findings(...lines)).map(brief)).toEqual([
    {
      ...{ severity: 'warning', key: 'raida.admin_key_file', line: 4 },
      code: 'ANDVARI_CONFIG_KEY_MODE',
    },
  ]);
});

it('shows a configuration that serve takes again, and no secret', async () => {
  mkdirSync(folder.at('other'));
  const secrets = [`raida.admin_key = "${KEY}"`, `raida.proxy_key = "${KEY}"`];
  const path = configured(
    ...[...RAIDA, ...secrets, 'raida.proxy_addr = "10.0.0.1"', 'node.data_dir = "d\\u007f"'],
    ...['[transfer]', 'listen = "127.0.0.1:0"', 'folder = "in"'],
  );
  const show = ['config', 'show', '--http-allowed-hosts', 'a.example,b.example', '--config'];
  const { code, out } = await run([...show, path], { ANDVARI_LOG_LEVEL: 'warn' });
  expect(code).toBe(0);
  expect(out).not.toContain(KEY);
  expect(out).toMatch(/\n# admin_key = \(set\) +# .*node\.toml:4\n/);
  expect(out).toMatch(/\n# proxy_addr = "10\.0\.0\.1" +# .*:6\n/);
  expect(out).toMatch(/\nlevel = "warn" +# ANDVARI_LOG_LEVEL\n/);
  expect(out).toMatch(/\nallowed_hosts = .* +# --http-allowed-hosts\n/);
  expect(out).toMatch(/\nmodern = false +# default\n/);
  // The same again, from another folder, but for the places.
  writeFileSync(folder.at('other/again.toml'), out);
  const again = await run(['config', 'show', '--json', '--config', folder.at('other/again.toml')]);
  const first = await run([...show, path, '--json'], { ANDVARI_LOG_LEVEL: 'warn' });
  const valuesOf = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ key }) => !/_key$|proxy_addr$/.test(key))
      .map(({ key, value }) => `${key} = ${value}`);
  expect(valuesOf(again.out)).toEqual(valuesOf(first.out));
  expect(valuesOf(again.out)).toContain(`transfer.folder = "${folder.at('in')}"`);
  const short = await run(['config', 'show', '--no-defaults', '--config', path]);
  expect(short.out).not.toContain('# default');
  expect(short.out).toContain('number = 0');
  expect(readFileSync(path, 'utf8')).toContain(KEY);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('shows nothing of a configuration that serve refuses', async () => {
  const path = configured('raida.number = 25');
  const { code, out, err } = await run(['config', 'show', '--config', path]);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(/^andvari: .*:1: raida.number: wanted .* \(ANDVARI_CONFIG\)\n$/);
});
