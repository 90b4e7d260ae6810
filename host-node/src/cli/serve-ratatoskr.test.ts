import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseRatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../config/config.ts';
import { certificates } from '../ratatoskr/testing/certificates.ts';
import { makeCertificate } from '../webtransport/certificate-der.ts';
import { quicAvailable } from '../webtransport/testing/quic-client.ts';
import { ratatoskrOptionsOf } from './serve-ratatoskr.ts';
import { runCli } from './testing/cli-network.ts';

let folder = '';
const stop: (() => Promise<unknown>)[] = [];
const inFolder = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-serve-ratatoskr-'));
  writeFileSync(inFolder('cert.pem'), certificates[0].cert);
  writeFileSync(inFolder('key.pem'), certificates[0].key);
});
afterEach(async () => {
  for (const end of stop.splice(0)) await end();
  rmSync(folder, { recursive: true });
});

function configure(...lines: string[]): string {
  const path = inFolder('node.toml');
  const text = [
    'raida.number = 0\nraida.listen = "127.0.0.1:0"\nraida.pages_per_denomination = 1',
    'http.listen = "127.0.0.1:0"\nlog.level = "fatal"\nstore.url = "memory:"',
    '[ratatoskr]\nlisten = "127.0.0.1:0"\ndemo_services = true',
    'tls_cert_file = "cert.pem"\ntls_key_file = "key.pem"',
    ...lines,
  ];
  writeFileSync(path, `${text.join('\n')}\n`);
  return path;
}

/** Without files: in clear, and WebTransport with a certificate of its own. */
function configureSelfMade(...lines: string[]): string {
  const path = configure(...lines);
  const text = readFileSync(path, 'utf8').replaceAll(/^tls_.*\n/gm, '');
  writeFileSync(path, text);
  return path;
}

interface Ready {
  http: string;
  ratatoskr: string;
  serverKey: string;
}

/** `andvari serve` in this process, once it is ready; and how to end it. */
async function serve(path: string): Promise<Ready> {
  const stopped = new AbortController();
  const ready = Promise.withResolvers<Ready>();
  const ended = runCli(['serve', '--json', '--config', path], {
    signal: stopped.signal,
    onOut: (text) => {
      const event = JSON.parse(text);
      if (event.event === 'ready') ready.resolve(event);
    },
  });
  stop.push(() => {
    stopped.abort();
    return ended;
  });
  const first = await Promise.race([ready.promise, ended]);
  if ('code' in first) throw new Error(first.err);
  return first;
}

const ratatoskr = (...words: string[]) => runCli(['ratatoskr', ...words]);

function call({ ratatoskr: address, serverKey }: Ready, request: object, ...more: string[]) {
  writeFileSync(inFolder('request.json'), JSON.stringify(request));
  return ratatoskr(
    ...['call', `wss://${address}/ratatoskr`, inFolder('request.json')],
    ...['--key', inFolder('device-key'), '--device', 'd1', '--user', 'alice'],
    ...['--ca', inFolder('cert.pem'), '--server-key', serverKey, '--timeout', '5000', ...more],
  );
}

async function registerDevice(): Promise<string> {
  const devices = inFolder('data/ratatoskr/devices.json');
  const made = await ratatoskr('keygen', inFolder('device-key'), '--json');
  const { publicKey } = JSON.parse(made.out);
  const words = ['register', 'd1', '--user', 'alice', '--key', publicKey, '--devices', devices];
  expect(await ratatoskr(...words)).toMatchObject({ code: 0 });
  return devices;
}

describe('andvari serve with [ratatoskr]', () => {
  it('answers registered devices over TLS, and no others after a SIGHUP', async () => {
    const devices = await registerDevice();
    const ready = await serve(configure());
    const list = { request_type: 'MARKETPLACE_REQUEST', action: 'list' };
    const answer = await call(ready, list);
    expect(answer.err).toContain('signed by the server');
    expect(JSON.parse(answer.out)).toEqual({ ok: true, offers: [] });
    expect(await call(ready, { request_type: 'PAYMENT_REQUEST' })).toMatchObject({ code: 4 });
    const wrongKey = { ...ready, serverKey: 'ab'.repeat(32) };
    expect((await call(wrongKey, list)).code).toBe(3);
    const metrics = await (await fetch(`http://${ready.http}/metrics`)).text();
    expect(metrics).toMatch(/^andvari_ratatoskr_messages_total\{result="delivered"\} 1$/m);
    expect(metrics).toMatch(/^andvari_ratatoskr_routing_seconds_count 2$/m);
    expect((await fetch(`http://${ready.http}/readyz`)).status).toBe(200);
    const [, other] = certificates;
    writeFileSync(inFolder('cert.pem'), other.cert);
    writeFileSync(inFolder('key.pem'), other.key);
    process.emit('SIGHUP');
    // Whoever trusts the new one alone is answered; without the signal that takes a minute.
    expect((await call(ready, list)).code).toBe(0);
    expect(await ratatoskr('revoke', 'd1', '--devices', devices)).toMatchObject({ code: 0 });
    process.emit('SIGHUP');
    expect((await call(ready, list)).code).not.toBe(0);
    for (const end of stop.splice(0)) await end();
    const audit = await ratatoskr('audit', inFolder('data/ratatoskr/audit.log'));
    expect(audit).toMatchObject({ code: 0 });
  });

  it('is not ended by a SIGHUP, also while it starts or stops', async () => {
    const listening = () => process.listenerCount('SIGHUP');
    const before = listening();
    const starting = serve(configure());
    await vi.waitFor(() => expect(listening()).toBe(before + 1), { interval: 1 });
    process.emit('SIGHUP');
    await starting;
    process.emit('SIGHUP');
    const ends = stop.splice(0).map((end) => end());
    process.emit('SIGHUP');
    expect(listening()).toBe(before + 1);
    for (const ended of await Promise.all(ends)) expect(ended).toMatchObject({ code: 0 });
    expect(listening()).toBe(before);
  });

  it.runIf(quicAvailable)('serves what a page needs to come, and to none but its own', async () => {
    await registerDevice();
    const lines = ['allowed_origins = ["https://page.example"]', 'webtransport = true'];
    const ready = await serve(configureSelfMade(...lines));
    const url = `http://${ready.http}/ratatoskr.json`;
    const page = await fetch(url, { headers: { origin: 'https://page.example' } });
    expect(page.headers.get('access-control-allow-origin')).toBe('https://page.example');
    const address = parseRatatoskrAddress(await page.json());
    expect(address).toMatchObject({
      ...{ url: `ws://${ready.ratatoskr}/ratatoskr`, serverKey: ready.serverKey },
      webTransport: { url: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+\/ratatoskr$/) },
    });
    expect(address?.webTransport?.certificateHashes).toHaveLength(2);
    const evil = await fetch(url, { headers: { origin: 'https://evil.example' } });
    expect(evil.status).toBe(403);
  });

  it('is told of by the name it is allowed, or by the address that was asked', async () => {
    const urlOf = async ({ http }: Ready) => {
      const answer = await fetch(`http://${http}/ratatoskr.json`);
      return parseRatatoskrAddress(await answer.json())?.url;
    };
    const named = await serve(configure('allowed_hosts = ["wallet.example"]'));
    const portOf = ({ ratatoskr: address }: Ready) => address.split(':')[1];
    expect(await urlOf(named)).toBe(`wss://wallet.example:${portOf(named)}/ratatoskr`);
    for (const end of stop.splice(0)) await end();
    const path = configure();
    const text = readFileSync(path, 'utf8').replace(
      'listen = "127.0.0.1:0"\ndemo',
      'listen = "0.0.0.0:0"\ndemo',
    );
    writeFileSync(path, text);
    const wide = await serve(path);
    expect(wide.ratatoskr).toMatch(/^0\.0\.0\.0:/);
    expect(await urlOf(wide)).toBe(`wss://127.0.0.1:${portOf(wide)}/ratatoskr`);
  });

  it('is served without a RAIDA server, and ends with the node', async () => {
    const path = configure();
    const lines = readFileSync(path, 'utf8').split('\n');
    const isRaida = (line: string) => /^(raida|store)\./.test(line);
    writeFileSync(path, lines.filter((line) => !isRaida(line)).join('\n'));
    const { http, serverKey, ...ready } = await serve(path);
    expect(ready).not.toHaveProperty('raida');
    const { ratatoskr } = (await (await fetch(`http://${http}/ratatoskr.json`)).json()) as {
      ratatoskr: { serverKey: string };
    };
    expect(ratatoskr.serverKey).toBe(serverKey);
    const metrics = await (await fetch(`http://${http}/metrics`)).text();
    expect(metrics).toMatch(/^andvari_ratatoskr_/m);
    for (const end of stop.splice(0)) expect(await end()).toMatchObject({ code: 0 });
    await expect(fetch(`http://${http}/healthz`)).rejects.toThrow();
  });

  it('refuses to speak in clear to others, and a certificate that is none', async () => {
    const path = configure();
    const text = 'raida.number = 0\nraida.listen = "127.0.0.1:0"\nhttp.listen = "127.0.0.1:0"\n';
    writeFileSync(path, `${text}log.level = "fatal"\nratatoskr.listen = "0.0.0.0:0"\n`);
    const plain = await runCli(['serve', '--config', path]);
    expect(plain).toMatchObject({ code: 1, err: expect.stringContaining('RATATOSKR_PLAIN') });
    expect(plain.err).toContain('ratatoskr.listen 0.0.0.0:0: ');
    for (const key of ['tls_cert_file', 'tls_key_file', 'allow_plain']) {
      expect(plain.err).toContain(`ratatoskr.${key}`);
    }
    writeFileSync(inFolder('cert.pem'), 'no certificate');
    const wrong = await runCli(['serve', '--config', configure()]);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('CERTIFICATE') });
    expect(wrong.err).toContain(`ratatoskr.tls_cert_file: ${inFolder('cert.pem')}: `);
    writeFileSync(inFolder('cert.pem'), certificates[0].cert);
    writeFileSync(inFolder('key.pem'), certificates[1].key);
    const other = await runCli(['serve', '--config', configure()]);
    expect(other.err).toContain(`ratatoskr.tls_key_file: ${inFolder('key.pem')}: `);
    rmSync(inFolder('key.pem'));
    const none = await runCli(['serve', '--config', configure()]);
    expect(none.err).toContain(`ratatoskr.tls_key_file: ${inFolder('key.pem')}: `);
    expect([wrong, other, none].map(({ err }) => err.trim().split('\n').length)).toEqual([1, 1, 1]);
  });

  it.each([
    ['has ended', -2, -1, 'it ended at '],
    ['is not valid yet', 1, 2, 'it is not valid before '],
  ])('refuses a certificate that %s', async (_, from, until, problem) => {
    const [notBeforeMs, notAfterMs] = [Date.now() + from * 60_000, Date.now() + until * 60_000];
    const made = makeCertificate({ hosts: ['127.0.0.1'], notBeforeMs, notAfterMs });
    writeFileSync(inFolder('cert.pem'), made.cert);
    writeFileSync(inFolder('key.pem'), made.key);
    const { code, err } = await runCli(['serve', '--config', configure()]);
    expect({ code, lines: err.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
    expect(err).toContain(`ratatoskr.tls_cert_file: ${inFolder('cert.pem')}: ${problem}`);
    expect(err).toContain('ANDVARI_CERTIFICATE');
    // The twin: one that is valid for as long as that.
    const good = makeCertificate({
      ...{ hosts: ['127.0.0.1'], notBeforeMs: Date.now() - 60_000 },
      notAfterMs: Date.now() + 60_000,
    });
    writeFileSync(inFolder('cert.pem'), good.cert);
    writeFileSync(inFolder('key.pem'), good.key);
    await serve(configure());
  });

  it.each([
    [0, 'skew = 0'],
    [7, 'skew = 7'],
  ])('gives the endpoint a skew of %d s', (skewS, line) => {
    const config = loadConfig({ path: configure(line) });
    expect(config.ratatoskr && ratatoskrOptionsOf(config, config.ratatoskr).skewS).toBe(skewS);
  });

  it('refuses a skew beyond an hour', async () => {
    const { code, err } = await runCli(['serve', '--config', configure('skew = 3601')]);
    expect(code).toBe(1);
    expect(err).toContain('ratatoskr.skew: wanted an integer 0-3600, got 3601');
  });

  it('names a file of its services that is damaged, and leaves it as it is', async () => {
    const path = configure();
    const market = join(inFolder('data'), 'ratatoskr', 'market.json');
    mkdirSync(dirname(market), { recursive: true });
    writeFileSync(market, '{"providers":');
    const damaged = await runCli(['serve', '--config', path]);
    expect(damaged).toMatchObject({
      ...{ code: 1, err: expect.stringContaining(`${market} holds no market`) },
    });
    expect(damaged.err).toContain('(ANDVARI_RATATOSKR_MARKET)');
    expect(readFileSync(market, 'utf8')).toBe('{"providers":');
  });

  it.each([
    ['devices.json', 'ratatoskr.devices_file', 'ANDVARI_RATATOSKR_DEVICES'],
    ['server-key', 'ratatoskr.server_key_file', 'ANDVARI_RATATOSKR_KEY'],
    ['audit.log', 'ratatoskr.audit_file', 'ANDVARI_RATATOSKR_AUDIT'],
    ['audit.log.head', 'ratatoskr.audit_file', 'ANDVARI_RATATOSKR_AUDIT'],
    ['heidrun.wallet', '', 'ANDVARI_WALLET_FILE'],
    ['payments.db', '', 'ANDVARI_RATATOSKR_PAYMENTS'],
  ])('names %s and its key if that is a folder', async (name, key, code) => {
    const path = join(inFolder('data'), 'ratatoskr', name);
    mkdirSync(path, { recursive: true });
    const servers = Array.from({ length: 25 }, (_, i) => `"127.0.0.1:${40_000 + i}"`);
    const config = configure();
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('http.', `raida.servers = [${servers.join(', ')}]\nhttp.`));
    const refused = await runCli(['serve', '--config', config]);
    expect(refused.code).toBe(1);
    const named = key === '' ? path : `${key} ${path}`;
    expect(refused.err).toContain(`${named}: it is a folder (${code})`);
    expect(refused.err.trim().split('\n')).toHaveLength(1);
  });

  it('keeps out a second server that shares the audit log alone, which can be read', async () => {
    const config = configure('audit_file = "audit.log"');
    await serve(config);
    const before = readFileSync(inFolder('audit.log'));
    const flags = ['--node-data-dir', inFolder('other')];
    const second = await runCli(['serve', '--config', config, ...flags]);
    expect(second.code).toBe(4);
    const problem = `ratatoskr.audit_file ${inFolder('audit.log')}: another server has it`;
    expect(second.err).toBe(`andvari: ${problem} (ANDVARI_RATATOSKR_AUDIT_IN_USE)\n`);
    expect(await ratatoskr('audit', inFolder('audit.log'))).toMatchObject({ code: 0 });
    expect(readFileSync(inFolder('audit.log'))).toEqual(before);
    for (const end of stop.splice(0)) await end();
    expect(await ratatoskr('audit', inFolder('audit.log'))).toMatchObject({ code: 0 });
  });

  it('names its own keys when a file or a port cannot be had', async () => {
    const folderAsFile = await runCli(['serve', '--config', configure('audit_file = "."')]);
    expect(folderAsFile).toMatchObject({ code: 1 });
    expect(folderAsFile.err).toContain(`ratatoskr.audit_file ${folder}: it is a folder`);
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    stop.push(async () => void busy.close());
    const { port } = busy.address() as AddressInfo;
    const flag = ['--ratatoskr-listen', `127.0.0.1:${port}`];
    const taken = await runCli(['serve', '--config', configure(), ...flag]);
    expect(taken).toMatchObject({ code: 2 });
    expect(taken.err).toContain(`Ratatoskr (ratatoskr.listen): TCP port ${port} on 127.0.0.1`);
  });
});
