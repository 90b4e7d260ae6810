import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SocketAddress } from '../io/packet-io.ts';
import { createLogger } from '../log/logger.ts';
import { makeCertificate } from '../webtransport/certificate-der.ts';
import { CertificateFiles, SelfMadeCertificates } from '../webtransport/certificates.ts';
import { QuicClient, quicAvailable } from '../webtransport/testing/quic-client.ts';
import { RatatoskrEndpoint } from './endpoint.ts';
import { type Certificate, certificates } from './testing/certificates.ts';
import { filesIn } from './testing/endpoint-files.ts';

const [first, second] = certificates;

let folder = '';
let endpoint: RatatoskrEndpoint;
const inFolder = (name: string) => join(folder, name);
const logged: { level: string; text: string; message: string | undefined }[] = [];

function write({ cert, key }: Certificate): void {
  writeFileSync(inFolder('cert.pem'), cert);
  writeFileSync(inFolder('key.pem'), key);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-reload-'));
  write(first);
  logged.length = 0;
  const logger = createLogger({ level: 'silent' });
  const keep = (level: string) => (about: { err?: Error }, text?: string) =>
    void logged.push({ level, text: String(text), message: about.err?.message });
  Object.assign(logger, { info: keep('info'), error: keep('error') });
  const files = { certFile: inFolder('cert.pem'), keyFile: inFolder('key.pem') };
  endpoint = await RatatoskrEndpoint.start(
    {
      listen: { host: '127.0.0.1', port: 0 },
      certificate: (complain) => new CertificateFiles(files, complain),
      ...(quicAvailable && { webTransport: new SelfMadeCertificates(['127.0.0.1'], Date.now()) }),
      files: filesIn(folder),
      services: () => ({ routes: new Map() }),
    },
    { logger },
  );
  // From here on nobody looks at the files for a minute.
  await shown();
  logged.length = 0;
});
afterEach(async () => {
  await endpoint.close();
  rmSync(folder, { recursive: true });
});

async function overTls({ port }: SocketAddress): Promise<Uint8Array> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return raw;
}

async function overQuic(address: SocketAddress): Promise<Uint8Array | undefined> {
  const client = await QuicClient.open(address);
  const native = client.quic.native as unknown as { peerCertChain(): Uint8Array[] };
  const [certificate] = native.peerCertChain();
  client.quic.close(0x100, '');
  return certificate;
}

/** From and until so many hours from now. */
function validFor(from: number, until: number): Certificate {
  const at = (hours: number) => Date.now() + hours * 3_600_000;
  const times = { notBeforeMs: at(from), notAfterMs: at(until) };
  return makeCertificate({ hosts: ['127.0.0.1'], ...times });
}

/** The certificates that new connections get, WebTransport's too where there is QUIC. */
async function shown(): Promise<string[]> {
  const all = [await overTls(endpoint.address)];
  const quic = endpoint.webTransport && (await overQuic(endpoint.webTransport.address));
  if (quic) all.push(quic);
  return all.map((der) => new X509Certificate(der).toString());
}

const everywhere = ({ cert }: Certificate) => (quicAvailable ? [cert, cert] : [cert]);

it('shows new certificate files to the next connections, and says so', async () => {
  write(second);
  expect(await shown()).toEqual(everywhere(first));
  endpoint.reload();
  expect(await shown()).toEqual(everywhere(second));
  expect(logged).toContainEqual({
    ...{ level: 'info', text: 'the certificate was read again', message: undefined },
  });
  expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
});

it.each<[string, string, () => void]>([
  ['garbage', 'cert.pem', () => writeFileSync(inFolder('cert.pem'), 'garbage')],
  ['missing', 'key.pem', () => rmSync(inFolder('key.pem'))],
  ['of yesterday', 'cert.pem', () => write(validFor(-48, -24))],
  ['of tomorrow', 'cert.pem', () => write(validFor(24, 48))],
  ['no pair', 'key.pem', () => writeFileSync(inFolder('key.pem'), second.key)],
])('keeps the old certificate when a file is %s, and says so', async (_, name, spoil) => {
  spoil();
  endpoint.reload();
  const level = 'error';
  const message = expect.stringContaining(`${inFolder(name)}: `);
  expect(logged.filter((each) => each.level === level)).toEqual([
    { level, text: 'the certificate stays as it was', message },
  ]);
  expect(logged.map(({ text }) => text)).not.toContain('the certificate was read again');
  expect(await shown()).toEqual(everywhere(first));
  write(second);
  endpoint.reload();
  expect(await shown()).toEqual(everywhere(second));
});

it('is in trouble while its certificate is not valid, and takes one that is', async () => {
  write(validFor(-1, 1));
  endpoint.reload();
  expect(endpoint.trouble).toBeUndefined();
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    vi.setSystemTime(Date.now() + 3_601_000);
    expect(endpoint.trouble).toMatch(/^the certificate of Ratatoskr: it ended at 20/);
    logged.length = 0;
    // The files are still the same.
    endpoint.reload();
    expect(logged.filter(({ level }) => level === 'error').map(({ text }) => text)).toEqual([
      'the certificate stays as it was',
      'the certificate in use is not valid',
    ]);
    write(second);
    endpoint.reload();
    expect(endpoint.trouble).toBeUndefined();
    expect(await shown()).toEqual(everywhere(second));
    // Put right, it shows that the certificates were made by a clock that was ahead.
    write(validFor(-1, 1));
    endpoint.reload();
    vi.setSystemTime(Date.now() - 2 * 3_600_000);
    expect(endpoint.trouble).toMatch(/^the certificate of Ratatoskr: it is not valid before 20/);
  } finally {
    vi.useRealTimers();
  }
});
