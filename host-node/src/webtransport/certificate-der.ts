/**
 * A self-made X.509 certificate of an ECDSA P-256 key (RFC 5280), written as DER by hand: the one
 * form that browsers take by its hash (WebTransport's serverCertificateHashes).
 */
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { ipBytes } from '../io/ip-address.ts';
import { concatBytes } from './varint.ts';

const Tag = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
  /** [0] version, [3] extensions. */
  VERSION: 0xa0,
  EXTENSIONS: 0xa3,
  /** GeneralName: [2] dNSName, [7] iPAddress. */
  DNS_NAME: 0x82,
  IP_ADDRESS: 0x87,
} as const;

/** Object identifiers in their encoded form. */
const Oid = {
  ECDSA_WITH_SHA256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  COMMON_NAME: [0x55, 0x04, 0x03],
  KEY_USAGE: [0x55, 0x1d, 0x0f],
  SUBJECT_ALT_NAME: [0x55, 0x1d, 0x11],
  BASIC_CONSTRAINTS: [0x55, 0x1d, 0x13],
  EXTENDED_KEY_USAGE: [0x55, 0x1d, 0x25],
  SERVER_AUTH: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
} as const;

const TRUE = Uint8Array.of(0x01, 0x01, 0xff);

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concatBytes(...parts);
  const { length } = value;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concatBytes(Uint8Array.of(tag, ...head), value);
}

const sequence = (...parts: readonly Uint8Array[]) => der(Tag.SEQUENCE, ...parts);
const oid = (bytes: readonly number[]) => der(Tag.OBJECT_IDENTIFIER, Uint8Array.from(bytes));
const text = (value: string) => new TextEncoder().encode(value);

/** `YYMMDDHHMMSSZ` until 2049, from then on with the whole year (RFC 5280 section 4.1.2.5). */
function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replace(/\D/g, '');
  if (digits >= '2050') return der(Tag.GENERALIZED_TIME, text(`${digits.slice(0, 14)}Z`));
  return der(Tag.UTC_TIME, text(`${digits.slice(2, 14)}Z`));
}

function name(commonName: string): Uint8Array {
  const attribute = sequence(oid(Oid.COMMON_NAME), der(Tag.UTF8_STRING, text(commonName)));
  return sequence(der(Tag.SET, attribute));
}

function extension(id: readonly number[], critical: boolean, value: Uint8Array): Uint8Array {
  const flag = critical ? [TRUE] : [];
  return sequence(oid(id), ...flag, der(Tag.OCTET_STRING, value));
}

function alternativeName(host: string): Uint8Array {
  if (isIPv4(host) || isIPv6(host)) return der(Tag.IP_ADDRESS, ipBytes(host));
  return der(Tag.DNS_NAME, text(host));
}

function extensions(hosts: readonly string[]): Uint8Array {
  // digitalSignature is the first bit of KeyUsage: seven bits of the byte are unused.
  const digitalSignature = der(Tag.BIT_STRING, Uint8Array.of(7, 0x80));
  return der(
    Tag.EXTENSIONS,
    sequence(
      extension(Oid.BASIC_CONSTRAINTS, true, sequence()),
      extension(Oid.KEY_USAGE, true, digitalSignature),
      extension(Oid.EXTENDED_KEY_USAGE, false, sequence(oid(Oid.SERVER_AUTH))),
      extension(Oid.SUBJECT_ALT_NAME, false, sequence(...hosts.map(alternativeName))),
    ),
  );
}

export interface CertificateRequest {
  /** DNS names and addresses; the first is the subject. */
  hosts: readonly string[];
  notBeforeMs: number;
  notAfterMs: number;
}

/** A fresh key and its certificate, both PEM. */
export function makeCertificate(request: CertificateRequest): { cert: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const serial = randomBytes(16);
  // Positive, and without a leading zero byte.
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const algorithm = sequence(oid(Oid.ECDSA_WITH_SHA256));
  const subject = name(request.hosts[0] ?? 'localhost');
  const toBeSigned = sequence(
    der(Tag.VERSION, der(Tag.INTEGER, Uint8Array.of(2))),
    der(Tag.INTEGER, serial),
    algorithm,
    subject,
    sequence(time(request.notBeforeMs), time(request.notAfterMs)),
    subject,
    createPublicKey(publicKey).export({ type: 'spki', format: 'der' }),
    extensions(request.hosts),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const whole = sequence(toBeSigned, algorithm, der(Tag.BIT_STRING, Uint8Array.of(0), signature));
  const lines =
    Buffer.from(whole)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  const cert = ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join(
    '\n',
  );
  return { cert, key: privateKey };
}
