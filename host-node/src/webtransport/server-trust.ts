/**
 * Whether a server is the one that is meant: by a chain of certificates to an authority, with the
 * server's name or address in the first, or by the hash of its certificate alone; for WebTransport
 * that is as browsers do it for serverCertificateHashes.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import type { QuicBinding, QuicConfig } from './quic-binding.ts';
import { configure } from './quic-config.ts';

/** By its hash a certificate is taken if it is valid for no longer than this. */
export const HASHED_LIFETIME_MAX_MS = 14 * 24 * 3_600_000;

/** The server has shown a certificate that is not to be trusted. */
export class CertificateRefusedError extends Error {
  readonly code = 'ANDVARI_CERTIFICATE_REFUSED';

  constructor(why: string) {
    super(`the certificate of the server is not to be trusted: ${why}`);
    this.name = 'CertificateRefusedError';
  }
}

export interface ServerTrust {
  /** SHA-256 of the certificates, one of which it must be; none: an authority vouches for it. */
  hashes: readonly Uint8Array[];
  /** Authorities in the place of the system's, PEM. */
  ca?: string | undefined;
}

/** What QUIC checks by itself: the chain and its times, unless the hash alone counts. */
export function clientConfig(binding: QuicBinding, { hashes, ca }: ServerTrust): QuicConfig {
  const { Config } = binding;
  // BoringSSL would refuse what no authority has signed; `checkCertificate` looks at its hash.
  if (hashes.length > 0) return configure(Config.withBoringSslCtx(false, false));
  return configure(Config.withBoringSslCtx(true, false, Buffer.from(ca ?? systemAuthorities())));
}

/**
 * What is left to check when the handshake is done, before anything is sent: the name, or the hash
 * and what may be taken by it.
 * @param chain DER, the server's own first
 * @param host name or address (IPv6 without brackets) that it must be for
 * @throws CertificateRefusedError
 */
export function checkCertificate(
  chain: readonly Uint8Array[] | null,
  host: string,
  { hashes }: ServerTrust,
  nowMs = Date.now(),
): void {
  const der = chain?.[0];
  if (!der) throw new CertificateRefusedError('it has shown none');
  const certificate = parsed(der);
  if (hashes.length === 0) {
    const isFor = isIP(host)
      ? certificate.checkIP(host)
      : certificate.checkHost(host, { subject: 'never' });
    if (isFor === undefined) throw new CertificateRefusedError(`it is not for ${host}`);
    return;
  }
  checkPinned(der, hashes, nowMs);
  checkHashed(certificate);
}

/**
 * A certificate that is named by its hash, whoever has signed it and for whatever name: the very
 * one, and in its time, since one that has expired may be in other hands by now.
 * @param der the server's own
 * @throws CertificateRefusedError
 */
export function checkPinned(
  der: Uint8Array,
  hashes: readonly Uint8Array[],
  nowMs = Date.now(),
): void {
  const hash = createHash('sha256').update(der).digest();
  if (!hashes.some((wanted) => hash.equals(wanted))) {
    throw new CertificateRefusedError('its hash is not the one that is meant');
  }
  const { fromMs, toMs } = timesOf(parsed(der));
  // A time that cannot be read is NaN, which no comparison is true for.
  if (!(nowMs >= fromMs)) throw new CertificateRefusedError('it is not valid yet');
  if (!(nowMs <= toMs)) throw new CertificateRefusedError('it has expired');
}

/**
 * What WebTransport alone wants besides of one by its hash:
 * https://www.w3.org/TR/webtransport/#custom-certificate-requirements.
 */
function checkHashed(certificate: X509Certificate): void {
  const { fromMs, toMs } = timesOf(certificate);
  if (!(toMs - fromMs <= HASHED_LIFETIME_MAX_MS)) {
    throw new CertificateRefusedError('by its hash, one may be valid for 14 days at most');
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  if (asymmetricKeyType !== 'ec' || asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new CertificateRefusedError('by its hash, one must be of an ECDSA P-256 key');
  }
}

function timesOf({ validFrom, validTo }: X509Certificate): { fromMs: number; toMs: number } {
  return { fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) };
}

function parsed(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new CertificateRefusedError('it cannot be read');
  }
}

let authorities: string | undefined;

/** PEM. Node's own where it cannot tell the default ones (before 22.15). */
function systemAuthorities(): string {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  authorities ??= (getCACertificates?.('default') ?? tls.rootCertificates).join('\n');
  return authorities;
}

/** First code of TLS's alerts among QUIC's errors (RFC 9001 section 4.8). */
const CRYPTO_ERROR = 0x100;
const ALERTS: ReadonlyMap<number, string> = new Map([
  // Of BoringSSL's this is the one for another name, too.
  [42, 'it is for another host, or damaged'],
  [43, 'its kind is not supported'],
  [44, 'it has been revoked'],
  [45, 'it is not valid now'],
  [46, 'it does not fit'],
  [48, 'no authority that is trusted has signed it'],
]);

/** What our side of TLS has refused, by the code of the connection's end; undefined: no such. */
export function certificateAlert(errorCode: number): CertificateRefusedError | undefined {
  const why = ALERTS.get(errorCode - CRYPTO_ERROR);
  return why === undefined ? undefined : new CertificateRefusedError(why);
}
