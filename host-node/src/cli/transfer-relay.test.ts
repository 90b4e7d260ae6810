import { writeFileSync } from 'node:fs';
import { nobleEd25519 } from '@andvari/host-common/ratatoskr/noble-ed25519';
import { purposeSigner } from '@andvari/host-common/transfer/identity';
import { RelayClient } from '@andvari/host-common/transfer/relay/relay-client';
import { describe, expect, it } from 'vitest';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { folderForTests } from '../testing/folder.ts';
import { until } from '../testing/until.ts';
import { identityOfSeed } from '../transfer/node-identity.ts';
import { WsRelay } from '../transfer/relay/ws-relay.ts';
import { makeCertificate } from '../webtransport/certificate-der.ts';
import { runCli } from './testing/cli-network.ts';

const folder = folderForTests('relay');
const atEnd = closedAfterEach();
const HERE = ['relay', '--listen', '127.0.0.1:0'];
const HOUR_MS = 3_600_000;

/** Runs it until the test is over, or stop(). */
async function start(...words: string[]) {
  const stop = new AbortController();
  let out = '';
  const onOut = (text: string) => {
    out += text;
  };
  const running = runCli([...HERE, '--json', ...words], { signal: stop.signal, onOut });
  atEnd(async () => {
    stop.abort();
    await running;
  });
  await Promise.race([until(() => out.includes('\n')), running]);
  return { ready: JSON.parse(out.split('\n')[0] ?? '{}'), stop: () => stop.abort(), running };
}

/** A peer that subscribes. */
async function connect(url: string, certificateHashes: string[] = []): Promise<RelayClient> {
  const seed = new Uint8Array(32).fill(1);
  const signer = await purposeSigner(nobleEd25519, seed);
  const { peerId } = identityOfSeed(seed);
  const hashes = certificateHashes.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
  const transport = new WsRelay({ url, certificateHashes: hashes });
  const client = new RelayClient({ transport, peerId, signer }, { packet: () => {} });
  atEnd(() => client.close());
  await client.open();
  return client;
}

describe('andvari relay', () => {
  it('is where peers connect, by the hashes that it tells, until it is stopped', async () => {
    const { ready, stop, running } = await start();
    expect(ready).toMatchObject({ event: 'ready', urls: [`wss://${ready.address}/relay`] });
    expect(ready.certificateHashes).toHaveLength(2);
    const client = await connect(ready.urls[0], ready.certificateHashes);
    expect(client.isOpen).toBe(true);
    stop();
    const { code, lines } = await running;
    expect([code, ...lines.slice(1)]).toEqual([0, '{"event":"stopping"}', '{"event":"stopped"}']);
    await until(() => !client.isOpen);
  });

  it('has the certificate of its files, and names that it is dialed by', async () => {
    const nowMs = Date.now();
    const times = { notBeforeMs: nowMs - HOUR_MS, notAfterMs: nowMs + HOUR_MS };
    const { cert, key } = makeCertificate({ hosts: ['localhost'], ...times });
    writeFileSync(folder.at('cert.pem'), cert);
    writeFileSync(folder.at('key.pem'), key);
    const files = ['--cert-file', folder.at('cert.pem'), '--key-file', folder.at('key.pem')];
    const { ready } = await start(...files, '--name', 'relay.example');
    expect(ready.urls[0]).toMatch(/^wss:\/\/relay\.example:\d+\/relay$/);
    expect(ready.certificateHashes).toHaveLength(1);
    expect((await connect(ready.urls[1], ready.certificateHashes)).isOpen).toBe(true);
  });

  it('serves its figures, and is in clear if that is wanted', async () => {
    const stun = ['--stun', '127.0.0.1:0'];
    const { ready } = await start('--plain', '--metrics', '127.0.0.1:0', ...stun);
    expect(ready.certificateHashes).toEqual([]);
    await connect(ready.urls[0]);
    const asked = await runCli(['nat', ready.stun[0]]);
    expect(asked.code, asked.err).toBe(0);
    const metrics = await (await fetch(`http://${ready.metrics}/metrics`)).text();
    expect(metrics).toContain('andvari_relay_subscriptions 1');
    expect(metrics).toMatch(/^andvari_relay_stun_requests_total\{fate="answered"\} [1-9]/m);
    expect(metrics).toContain('andvari_relay_stun_requests_total{fate="limited"} 0');
    expect(await (await fetch(`http://${ready.metrics}/healthz`)).text()).toBe('alive\n');
    expect((await fetch(`http://${ready.metrics}/other`)).status).toBe(404);
  });

  it('tells people where it is', async () => {
    const stop = new AbortController();
    const onOut = () => stop.abort();
    const { code, lines, err } = await runCli(HERE, { signal: stop.signal, onOut });
    expect([code, lines]).toEqual([
      0,
      [expect.stringMatching(/^wss:\/\/127\.0\.0\.1:\d+\/relay$/)],
    ]);
    expect(err).toMatch(/^SHA-256 of the certificate: [0-9a-f]{64}\n/);
    expect(err).toMatch(/\nstopped\n$/);
  });

  it.each([
    [['--cert-file', 'cert.pem'], 'ANDVARI_INPUT'],
    [['--plain', '--cert-file', 'a', '--key-file', 'b'], 'ANDVARI_INPUT'],
    [['--cert-file', '/nowhere/a', '--key-file', '/nowhere/b'], 'ANDVARI_CERTIFICATE'],
    [['--name', 'a b'], 'ANDVARI_INPUT'],
    [['--name', 'wss://relay.example/'], 'ANDVARI_INPUT'],
    [['--rate', '9999'], 'ANDVARI_USAGE'],
    [['--rate', '1e9'], 'ANDVARI_USAGE'],
    [['--clients', '0'], 'ANDVARI_USAGE'],
    [['--metrics', 'here'], 'ANDVARI_USAGE'],
    [['somewhere'], 'ANDVARI_USAGE'],
  ])('says what is wrong with %j (1)', async (words, code) => {
    const said = await runCli([...HERE, ...words]);
    expect(said).toMatchObject({ code: 1, out: '', err: expect.stringContaining(`(${code})`) });
  });

  it('tells that its port is taken (2)', async () => {
    const { ready } = await start();
    const said = await runCli(['relay', '--listen', ready.address]);
    expect(said).toMatchObject({ code: 2, err: expect.stringContaining('(ANDVARI_PORT_IN_USE)') });
  });
});
