/** The suite's own wire against recorded requests and replies, which it shares nothing with. */
import { describe, expect, it } from 'vitest';
import vectors from '../../../tests/vectors/raida.json' with { type: 'json' };
import { DEFAULT_RAIDA_ID, stateAn } from './state.ts';
import {
  buildReply,
  buildRequest,
  crc32,
  type Encryption,
  openReply,
  type RequestFields,
  type Sent,
  type Wire,
} from './wire.ts';

interface Recorded {
  name: string;
  request_hex: string;
  response_hex: string | null;
  status?: number;
  response_plain_body_hex?: string;
  response_truncated?: boolean;
  request_patch?: unknown;
  direction?: string;
  server_state: { setup?: unknown };
}

const recorded = vectors.cases as unknown as Recorded[];
const hex = (text: string) => Buffer.from(text, 'hex');
const named = (name: string) => {
  const found = [...recorded, ...(vectors.spec_derived as unknown as Recorded[])].find(
    (one) => one.name === name,
  );
  if (!found) throw new Error(`no vector ${name}`);
  return found;
};

const keyCoin = { denomination: 0, serialNumber: 2100 };
const coin = { ...keyCoin, an: stateAn(DEFAULT_RAIDA_ID, keyCoin) };
const lockerKey = hex('22057d156f7c79dc96b90bceffffffff');

function encryptionOf(header: Buffer): Encryption {
  const type = header.readUInt8(16);
  if (type === 1 || type === 4) return { type, coin };
  return type === 2 ? { type, key: lockerKey } : { type: 0 };
}

/** A recorded request, read back into what builds it. */
function rebuilt(wire: Wire, bytes: Buffer, payload: Buffer | null): Sent {
  const wide = bytes.readUInt8(16) >= 4;
  const header = bytes.subarray(0, wide ? 48 : 32);
  const fields: RequestFields = {
    group: header.readUInt8(4),
    command: header.readUInt8(5),
    payload,
    encryption: encryptionOf(header),
    // Ignored by servers: presentation to packet count.
    patch: [[8, header.subarray(8, 16)]],
  };
  const free = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaab', 'hex');
  const nonce = Buffer.alloc(24);
  header.copy(nonce, 0, 24);
  const seed = { raidaId: DEFAULT_RAIDA_ID, coinId: 6, modern: true, nonce, challenge: free };
  return buildRequest(wire, fields, seed);
}

/** Cases whose request is in clear and sound, so that the reply follows from it. */
const clear = recorded.filter((one) => {
  const request = hex(one.request_hex);
  const sound = request.length >= 32 && request[16] === 0 && !one.direction;
  const refused = [2, 3, 4, 5, 6, 7, 33, 37, 255].includes(one.status ?? 0);
  const size = sound ? request.readUInt16BE(22) : 0;
  const whole = size === 0 || (size >= 18 && request.length === 32 + size);
  return sound && whole && !refused && one.response_hex !== null && !one.response_truncated;
});

describe('requests and replies as recorded', () => {
  it('knows the check value of CRC-32', () => {
    expect(crc32(Buffer.from('123456789')).toString(16)).toBe('cbf43926');
  });

  it('sees enough of them', () => expect(clear.length).toBeGreaterThan(60));

  it.each(clear.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const request = hex(one.request_hex);
    const size = request.readUInt16BE(22);
    const body = size === 0 ? null : request.subarray(48, 30 + size);
    const sent = rebuilt('legacy', request, body);
    expect(sent.bytes.toString('hex')).toBe(one.request_hex);
    const reply = hex(one.response_hex ?? '');
    const payload = reply.subarray(32, Math.max(32, reply.length - 2));
    const facts = { raidaId: DEFAULT_RAIDA_ID, status: one.status ?? 0, payload };
    const right = buildReply('legacy', sent, { ...facts, read: 'body' }, reply);
    expect(right.toString('hex')).toBe(one.response_hex);
  });

  const sealed: [string, Wire, string][] = [
    ['detect_aes_mixed', 'legacy', '01'],
    ['version_aes', 'legacy', '3230323530333233'],
    ['locker_peek_enc_type2', 'legacy', '000000001e000000001f'],
    ['type4_version', 'legacy', '3230323530333233'],
    ['spec_version_aes', 'spec', '3230323530333233'],
    ['spec_detect_mixed_aes', 'spec', '01'],
    ['spec_detect_pass_aes_empty_body', 'spec', ''],
  ];

  it.each(sealed)('%s: opens the reply, and builds it again', (name, wire, plain) => {
    const one = named(name);
    const request = hex(one.request_hex);
    const wide = request.readUInt8(16) >= 4;
    const opened = openRequest(wire, request);
    const sent = rebuilt(wire, request, opened);
    expect(sent.bytes.toString('hex')).toBe(one.request_hex);
    const reply = hex(one.response_hex ?? '');
    expect(openReply(wire, sent, reply).payload.toString('hex')).toBe(plain);
    const facts = { raidaId: DEFAULT_RAIDA_ID, status: one.status ?? 0, payload: hex(plain) };
    const right = buildReply(wire, sent, { ...facts, read: 'body' }, reply);
    expect(right.toString('hex')).toBe(one.response_hex);
    const last = reply.length - (wide ? 40 : 3);
    if (plain === '') return;
    reply[last]! ^= 1;
    expect(openReply(wire, sent, reply).payload.toString('hex')).not.toBe(plain);
  });
});

/** The payload of a recorded request under encryption: opened as if it were a reply's body. */
function openRequest(wire: Wire, request: Buffer): Buffer {
  const wide = request.readUInt8(16) >= 4;
  const header = request.subarray(0, wide ? 48 : 32);
  const empty = rebuilt(wire, request, null);
  // In wire legacy and in types 4 and 5 a reply counts from where a request does.
  const asReply = Buffer.concat([header, request.subarray(header.length)]);
  const nonce = wire === 'spec' ? Buffer.alloc(0) : header;
  if (nonce.length === 0) header.copy(asReply, 16, 20, 32);
  const clear = openReply(wire, { ...empty, header }, asReply).payload;
  return wide ? clear : clear.subarray(16);
}
