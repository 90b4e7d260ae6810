import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { makeCertificate } from './certificate-der.ts';
import { CertificateFiles, SelfMadeCertificates } from './certificates.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.parse('2027-01-30T12:34:56Z');
const HOSTS = ['localhost', '127.0.0.1', '::1', '2001:db8::8a2e:0:7334'];
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('a self-made certificate', () => {
  const times = { notBeforeMs: NOW_MS, notAfterMs: NOW_MS + DAY_MS };
  const { cert, key } = makeCertificate({ hosts: HOSTS, ...times });
  const parsed = new X509Certificate(cert);

  it('is what OpenSSL reads: key, names, times, signature', () => {
    expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(parsed.subject).toBe('CN=localhost');
    expect(parsed.issuer).toBe('CN=localhost');
    expect(parsed.ca).toBe(false);
    expect(Date.parse(parsed.validFrom)).toBe(times.notBeforeMs);
    expect(Date.parse(parsed.validTo)).toBe(times.notAfterMs);
    expect(parsed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(parsed.checkHost('localhost')).toBe('localhost');
    for (const address of HOSTS.slice(1)) expect(parsed.checkIP(address)).toBe(address);
  });

  it.each(['1969-12-31T23:00:00Z', '2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z'])(
    'of any time: %s',
    (begin) => {
      const notBeforeMs = Date.parse(begin);
      const made = makeCertificate({ hosts: HOSTS, notBeforeMs, notAfterMs: notBeforeMs + DAY_MS });
      const { validFrom, validTo } = new X509Certificate(made.cert);
      expect(Date.parse(validFrom)).toBe(notBeforeMs);
      expect(Date.parse(validTo)).toBe(notBeforeMs + DAY_MS);
    },
  );

  it('is for nobody else, and of no other key', () => {
    const other = makeCertificate({ hosts: HOSTS, ...times });
    expect(parsed.checkHost('elsewhere')).toBeUndefined();
    expect(parsed.checkIP('127.0.0.2')).toBeUndefined();
    expect(parsed.checkPrivateKey(createPrivateKey(other.key))).toBe(false);
    expect(new X509Certificate(other.cert).serialNumber).not.toBe(parsed.serialNumber);
  });
});

describe('rotation', () => {
  it('the next one has been announced since the last change', () => {
    const source = new SelfMadeCertificates(HOSTS, NOW_MS);
    const [first, second] = source.hashes(NOW_MS).map(hex);
    expect(hex(source.current(NOW_MS).hash)).toBe(first);
    expect(hex(source.current(NOW_MS + 6 * DAY_MS - 1).hash)).toBe(first);
    expect(hex(source.current(NOW_MS + 6 * DAY_MS).hash)).toBe(second);
    expect(hex(source.hashes(NOW_MS + 6 * DAY_MS)[1]!)).not.toBe(second);
  });

  it('at any time the current one is valid, for less than 14 days in all', () => {
    const source = new SelfMadeCertificates(HOSTS, NOW_MS);
    for (let day = 0; day < 100; day++) {
      const nowMs = NOW_MS + day * DAY_MS;
      const { cert, hash } = source.current(nowMs);
      const { validFrom, validTo, raw } = new X509Certificate(cert);
      expect(hex(hash)).toBe(createHash('sha256').update(raw).digest('hex'));
      expect(Date.parse(validFrom)).toBeLessThan(nowMs);
      expect(Date.parse(validTo)).toBeGreaterThan(nowMs + 0.9 * DAY_MS);
      expect(Date.parse(validTo) - Date.parse(validFrom)).toBeLessThan(14 * DAY_MS);
    }
  });

  it('the next one can be used at once', () => {
    const source = new SelfMadeCertificates(HOSTS, NOW_MS);
    const next = hex(source.hashes(NOW_MS)[1]!);
    source.rotate(NOW_MS + 1);
    const { cert, hash } = source.current(NOW_MS + 1);
    expect(hex(hash)).toBe(next);
    expect(Date.parse(new X509Certificate(cert).validFrom)).toBeLessThan(NOW_MS);
  });

  /** What clients say of both at this moment, one that is behind by half an hour among them. */
  function expectValid(source: SelfMadeCertificates, nowMs: number): void {
    const [current, next] = source.hashes(nowMs).map(hex);
    expect(hex(source.current(nowMs).hash)).toBe(current);
    for (const use of ['current', 'next']) {
      if (use === 'next') source.rotate(nowMs);
      const { cert, hash } = source.current(nowMs);
      expect(hex(hash)).toBe(use === 'next' ? next : current);
      const { validFrom, validTo } = new X509Certificate(cert);
      expect(Date.parse(validFrom)).toBeLessThanOrEqual(nowMs - HOUR_MS / 2);
      expect(Date.parse(validTo)).toBeGreaterThan(nowMs + 0.9 * DAY_MS);
    }
  }

  it.each([31, 60, 24 * 60, 7 * 24 * 60, 365 * 24 * 60, 30 * 365 * 24 * 60])(
    'both are valid when a clock that was %i min ahead is put right',
    (minutes) => {
      const source = new SelfMadeCertificates(HOSTS, NOW_MS + minutes * 60_000);
      const before = hex(source.current(NOW_MS + minutes * 60_000).hash);
      expect(hex(source.current(NOW_MS).hash)).not.toBe(before);
      // And stay as they are from then on: one for each connection would be none for a page.
      const hashes = source.hashes(NOW_MS).map(hex);
      expect(source.hashes(NOW_MS + 5 * DAY_MS).map(hex)).toEqual(hashes);
      expectValid(source, NOW_MS + 5 * DAY_MS);
    },
  );

  it('half an hour ahead was not too much: pages have their hashes', () => {
    const source = new SelfMadeCertificates(HOSTS, NOW_MS + HOUR_MS / 2);
    const hashes = source.hashes(NOW_MS + HOUR_MS / 2).map(hex);
    expect(source.hashes(NOW_MS).map(hex)).toEqual(hashes);
    expectValid(source, NOW_MS);
  });

  it.each([1, 6, 11, 12, 400])(
    'a clock that goes %i days ahead for an hour and comes back leaves valid ones',
    (days) => {
      const source = new SelfMadeCertificates(HOSTS, NOW_MS);
      expectValid(source, NOW_MS + days * DAY_MS);
      expectValid(source, NOW_MS + HOUR_MS);
      for (let day = 0; day < 30; day++) expectValid(source, NOW_MS + day * DAY_MS);
    },
  );

  it('starts anew when nobody came for long', () => {
    const source = new SelfMadeCertificates(HOSTS, NOW_MS);
    const laterMs = NOW_MS + 100 * DAY_MS;
    const { validFrom, validTo } = new X509Certificate(source.current(laterMs).cert);
    expect(Date.parse(validFrom)).toBeLessThan(laterMs);
    expect(Date.parse(validTo)).toBeGreaterThan(laterMs);
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-certificates-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  const make = () =>
    makeCertificate({ hosts: HOSTS, notBeforeMs: NOW_MS, notAfterMs: NOW_MS + DAY_MS });
  const write = ({ cert, key }: { cert: string; key: string }) => {
    writeFileSync(files.certFile, cert);
    writeFileSync(files.keyFile, key);
  };

  it('replaced files are read again; damaged ones are not, and it is said', () => {
    const complaints: string[] = [];
    const first = make();
    write(first);
    const source = new CertificateFiles(files, ({ code }) => complaints.push(code), NOW_MS);
    expect(source.current(NOW_MS).cert).toBe(first.cert);
    const second = make();
    write({ ...second, cert: `${second.cert}\n` });
    expect(source.current(NOW_MS + 59_999).cert).toBe(first.cert);
    expect(source.current(NOW_MS + 60_000).key).toBe(second.key);
    writeFileSync(files.keyFile, first.key);
    writeFileSync(files.certFile, `${second.cert}\n\n`);
    expect(source.current(NOW_MS + 120_000).key).toBe(second.key);
    rmSync(files.certFile);
    expect(source.current(NOW_MS + 180_000).key).toBe(second.key);
    expect(complaints).toEqual(['ANDVARI_CERTIFICATE', 'ANDVARI_CERTIFICATE']);
    expect(source.hashes()).toEqual([]);
  });

  it('are looked at also when the clock was set back', () => {
    write(make());
    const source = new CertificateFiles(files, () => {}, NOW_MS);
    source.current(NOW_MS + DAY_MS);
    const second = make();
    write(second);
    expect(source.current(NOW_MS + DAY_MS - 59_999)).not.toMatchObject(second);
    expect(source.current(NOW_MS + DAY_MS - 60_000)).toMatchObject(second);
  });

  it('are read at once when somebody asks for that, and what is no pair changes nothing', () => {
    const complaints: string[] = [];
    const first = make();
    write(first);
    const source = new CertificateFiles(files, ({ message }) => complaints.push(message), NOW_MS);
    const before = source.current(NOW_MS);
    expect(source.reload(NOW_MS + 1)).toBe(true);
    expect(source.current(NOW_MS + 1)).toBe(before);
    const second = make();
    write(second);
    expect(source.reload(NOW_MS + 2)).toBe(true);
    expect(source.current(NOW_MS + 2)).toMatchObject(second);
    writeFileSync(files.certFile, 'garbage');
    expect(source.reload(NOW_MS + 3)).toBe(false);
    expect(source.current(NOW_MS + 3)).toMatchObject(second);
    expect(complaints).toEqual([expect.stringContaining(`${files.certFile}: it cannot be read`)]);
    // They are looked at again later all the same.
    write(first);
    expect(source.current(NOW_MS + 60_003)).toMatchObject(first);
  });

  const valid = (fromMs: number, toMs: number) =>
    makeCertificate({ hosts: HOSTS, notBeforeMs: NOW_MS + fromMs, notAfterMs: NOW_MS + toMs });

  it.each([
    ['ended an hour ago', -DAY_MS, -3_600_000, 'it ended at 2027-01-30T11:34:56.000Z'],
    ['ended a second ago', -DAY_MS, -1000, 'it ended at 2027-01-30T12:34:55.000Z'],
    ['begins in a second', 1000, DAY_MS, 'it is not valid before 2027-01-30T12:34:57.000Z'],
  ])('that has %s is refused, and replaces none that is valid', (_, fromMs, toMs, problem) => {
    const bad = valid(fromMs, toMs);
    write(bad);
    const told = { code: 'ANDVARI_CERTIFICATE', message: `${files.certFile}: ${problem}` };
    expect(() => new CertificateFiles(files, () => {}, NOW_MS)).toThrow(
      expect.objectContaining(told),
    );
    const good = valid(-1000, DAY_MS);
    write(good);
    const complaints: unknown[] = [];
    const source = new CertificateFiles(files, (error) => complaints.push(error), NOW_MS);
    expect(source.current(NOW_MS)).toMatchObject(good);
    write(bad);
    expect(source.reload(NOW_MS)).toBe(false);
    expect(source.current(NOW_MS)).toMatchObject(good);
    expect(complaints).toEqual([expect.objectContaining(told)]);
    // Without being asked it looks a minute later: what begins then is taken by itself.
    const after = source.current(NOW_MS + 60_000);
    expect(after).toMatchObject(fromMs > 0 ? bad : good);
    expect(complaints).toHaveLength(fromMs > 0 ? 1 : 2);
  });

  it('is valid in its first and its last second', () => {
    write(valid(0, 0));
    const source = new CertificateFiles(files, () => {}, NOW_MS);
    expect(source.validity(NOW_MS)).toEqual({ notBeforeMs: NOW_MS, notAfterMs: NOW_MS });
  });

  it.each([
    ['no PEM', { cert: 'x', key: 'y' }],
    ['not a pair', { cert: make().cert, key: make().key }],
  ])('refuses %s', (_, pair) => {
    write(pair);
    expect(() => new CertificateFiles(files, () => {})).toThrow(
      expect.objectContaining({ code: 'ANDVARI_CERTIFICATE' }),
    );
  });

  it.each([
    ['not there', 'none', /^it cannot be read: ENOENT: /],
    ['a folder', '.', /^it cannot be read: it is a folder$/],
    ['no key', 'cert.pem', /^it cannot be read as a private key in PEM: .*DECODER/],
  ])('refuses a file that is %s, and the log says once why', (_, name, why) => {
    write(make());
    const keyFile = join(folder, name);
    let told: unknown;
    try {
      new CertificateFiles({ ...files, keyFile }, () => {});
    } catch (error) {
      told = error;
    }
    const lines: string[] = [];
    createLogger({ write: (line) => void lines.push(line) }).warn({ err: told }, 'no');
    const [, text = ''] = lines.join('').split(`no  ${keyFile}: `);
    const reason = text.trimEnd().replace(/ \(ANDVARI_CERTIFICATE\)$/, '');
    expect(reason).toMatch(why);
    expect(reason.split(/ENOENT|EISDIR|DECODER/).length).toBeLessThanOrEqual(2);
  });
});
