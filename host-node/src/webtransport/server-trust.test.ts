// What may be taken by its hash, where no server is needed to see it.
import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateAlert, checkCertificate } from './server-trust.ts';
import { ecdsaCertificate, good, rsaCertificate } from './testing/chain-certificates.ts';

const derOf = (pem: string) => new Uint8Array(new X509Certificate(pem).raw);
const trusting = (der: Uint8Array) => ({ hashes: [createHash('sha256').update(der).digest()] });

describe('a certificate by its hash', () => {
  const [startMs, endMs] = [Date.UTC(2020, 0, 1), Date.UTC(2020, 0, 11)];
  const ecdsa = derOf(ecdsaCertificate);
  const check = (der: Uint8Array, nowMs: number) => () =>
    checkCertificate([der], 'localhost', trusting(der), nowMs);

  it('is of a P-256 key', () => {
    expect(check(ecdsa, startMs + 1000)).not.toThrow();
    expect(check(derOf(rsaCertificate), startMs + 1000)).toThrow('ECDSA P-256');
  });

  it('counts from its first second to its last', () => {
    expect(check(ecdsa, startMs)).not.toThrow();
    expect(check(ecdsa, startMs - 1)).toThrow('not valid yet');
    expect(check(ecdsa, endMs)).not.toThrow();
    expect(check(ecdsa, endMs + 1)).toThrow('expired');
  });

  it('is the first of the chain', () => {
    const chain = [derOf(good.cert), ecdsa];
    expect(() => checkCertificate(chain, 'localhost', trusting(ecdsa), startMs)).toThrow('hash');
  });
});

it.each([
  ['none', null],
  ['an empty chain', []],
  ['bytes that are none', [Uint8Array.of(1, 2, 3)]],
])('%s is refused', (_, chain) => {
  for (const hashes of [[], [new Uint8Array(32)]]) {
    expect(() => checkCertificate(chain, 'localhost', { hashes })).toThrow(
      expect.objectContaining({ code: 'ANDVARI_CERTIFICATE_REFUSED' }),
    );
  }
});

it('by an authority, one counts for the names that it has, and no other', () => {
  const check = (host: string) => () => checkCertificate([derOf(good.cert)], host, { hashes: [] });
  for (const host of ['localhost', '127.0.0.1']) expect(check(host)).not.toThrow();
  for (const host of ['a.localhost', 'localhost.test', '127.0.0.2', '::1', '']) {
    expect(check(host)).toThrow('it is not for');
  }
});

it('alerts about a certificate are told from others', () => {
  expect(certificateAlert(0x100 + 48)?.message).toContain('no authority');
  expect(certificateAlert(0x100 + 40)).toBeUndefined();
  expect(certificateAlert(48)).toBeUndefined();
});
