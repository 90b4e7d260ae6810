// The interface ratatoskr of the component beside the codec over the raw engine: the same verdict
// and reason for every vector and for damaged ones, the same values, the same bytes.
import { ratatoskr } from '@andvari/host-common/component';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import type { RatatoskrRequest, RatatoskrResponse } from '@andvari/host-common/ratatoskr/messages';
import { expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import { NOW_S, requestOf, VECTORS } from '../ratatoskr/vectors.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { faultOf } from './faults.ts';

const codec = plainEngine().then((module) => RatatoskrCodec.create({ module }));
const now = BigInt(NOW_S);
const caseOf = (reason: string) => reason.toLowerCase().replaceAll('_', '-');

/** What the component takes, from what the codec gives; and the other way, with metadata a Map. */
const toComponent = <T extends { metadata: ReadonlyMap<string, string> }>(message: T) => ({
  ...message,
  metadata: [...message.metadata] as [string, string][],
});
const fromComponent = <T extends { metadata: [string, string][] }>(message: T) => ({
  ...message,
  metadata: new Map(message.metadata),
});

/** Compares what both say of a request's bytes; gives the refusal. */
function compareRequest(raw: RatatoskrCodec, bytes: Uint8Array, note: string): unknown {
  const opened = raw.openRequest(bytes, NOW_S);
  const fault = faultOf(() => ratatoskr.openRequest(bytes, now, 0));
  if (!opened.ok) {
    expect(fault, note).toBe(caseOf(opened.reason));
    return fault;
  }
  expect(fault, note).toBeUndefined();
  const { request, digest } = ratatoskr.openRequest(bytes, now, 0);
  expect(fromComponent(request), note).toEqual(opened.request);
  expect(toHex(digest), note).toBe(toHex(opened.digest));
  expect(toHex(ratatoskr.digestRequest(request)), note).toBe(toHex(digest));
  expect(toHex(ratatoskr.encodeRequest(request))).toBe(toHex(raw.encodeRequest(opened.request)));
  return undefined;
}

function compareResponse(raw: RatatoskrCodec, bytes: Uint8Array, note: string): unknown {
  const opened = raw.openResponse(bytes);
  const fault = faultOf(() => ratatoskr.openResponse(bytes));
  if (!opened.ok) {
    expect(fault, note).toBe(caseOf(opened.reason));
    return fault;
  }
  expect(fault, note).toBeUndefined();
  const response = ratatoskr.openResponse(bytes);
  expect(fromComponent(response), note).toEqual(opened.response);
  const encoded = toHex(raw.encodeResponse(opened.response));
  expect(toHex(ratatoskr.encodeResponse(response)), note).toBe(encoded);
  return undefined;
}

it('gives the verdicts and values of the raw engine for every vector', async () => {
  const raw = await codec;
  for (const { name, kind, bytes } of VECTORS) {
    const compare = kind === 'request' ? compareRequest : compareResponse;
    compare(raw, fromHex(bytes), name);
  }
});

it('and for vectors with bytes changed', async () => {
  const raw = await codec;
  const seed = seedOfRun();
  const random = randomFrom(seed);
  const refusals = new Set<unknown>();
  for (let n = 0; n < 1500; n++) {
    const vector = VECTORS[random(VECTORS.length)];
    const bytes = fromHex(vector?.bytes ?? '');
    if (!vector || bytes.length === 0 || bytes.length > 5000) continue;
    for (let i = random(3); i >= 0; i--) bytes[random(bytes.length)] = random(256);
    const compare = vector.kind === 'request' ? compareRequest : compareResponse;
    refusals.add(compare(raw, bytes, `seed ${seed}, ${toHex(bytes)}`));
  }
  expect(refusals.size, `seed ${seed}`).toBeGreaterThan(8);
});

it('refuses to encode what it would not open, with the reason', async () => {
  const raw = await codec;
  const good = requestOf();
  const wrong: [Partial<RatatoskrRequest>, string][] = [
    [{ messageType: 6 }, 'message-type'],
    [{ deviceId: '' }, 'missing-field'],
    [{ userId: 'u'.repeat(257) }, 'field-too-long'],
    [{ nonce: new Uint8Array(7) }, 'nonce-too-short'],
    [{ nonce: new Uint8Array(65) }, 'nonce-too-long'],
    [{ signature: new Uint8Array(63) }, 'signature-length'],
    [{ payload: new Uint8Array(1048577) }, 'field-too-long'],
    [{ metadata: new Map([['k'.repeat(65), '']]) }, 'field-too-long'],
    [
      { metadata: new Map(Array.from({ length: 33 }, (_, i) => [`${i}`, ''])) },
      'too-many-metadata',
    ],
  ];
  for (const [change, reason] of wrong) {
    const request = toComponent({ ...good, ...change });
    expect(faultOf(() => ratatoskr.encodeRequest(request))).toBe(reason);
  }
  const twice = {
    ...toComponent(good),
    metadata: [
      ['a', '1'],
      ['a', '2'],
    ] as [string, string][],
  };
  expect(faultOf(() => ratatoskr.encodeRequest(twice))).toBe('duplicate-map-key');
  expect(toHex(ratatoskr.encodeRequest(toComponent(good)))).toBe(toHex(raw.encodeRequest(good)));
  expect(faultOf(() => ratatoskr.openRequest(new Uint8Array(1114113), now, 0))).toBe(
    'message-too-large',
  );
});

it('has the payloads of connections, and what no provider is asked about', async () => {
  const raw = await codec;
  const asked = { deviceIdentity: 'd', authenticationToken: 'ü\u{10000}', version: '1.0' };
  const given = { accepted: true, sessionId: 's', expiresAt: -5n, serverVersion: '' };
  const request = ratatoskr.encodeConnectionRequest(asked);
  expect(toHex(request)).toBe(toHex(raw.encodeConnectionRequest(asked)));
  expect(ratatoskr.openConnectionRequest(request)).toEqual(asked);
  const response = ratatoskr.encodeConnectionResponse(given);
  expect(toHex(response)).toBe(toHex(raw.encodeConnectionResponse(given)));
  expect(ratatoskr.openConnectionResponse(response)).toEqual(given);
  const long = { ...asked, version: 'v'.repeat(33) };
  expect(faultOf(() => ratatoskr.encodeConnectionRequest(long))).toBe('field-too-long');
  expect(faultOf(() => ratatoskr.openConnectionResponse(Uint8Array.of(8)))).toBe('truncated');
  for (let n = 0; n < 60; n++) {
    const random = randomFrom(n);
    const bytes = (length: number) => Uint8Array.from({ length }, () => (n % 3 ? random(256) : n));
    const [key, signature] = [bytes(n % 7 ? 32 : 31), bytes(n % 5 ? 64 : 63)];
    if (n % 2) signature.fill(0, 40);
    const reason = raw.refusedKey(key);
    expect(faultOf(() => ratatoskr.checkKey(key))).toBe(reason && caseOf(reason));
    const other = raw.refusedSignature(key, signature);
    const fault = faultOf(() => ratatoskr.checkSignature(key, signature));
    expect(fault).toBe(other && caseOf(other));
  }
});

it('keeps responses as they are', async () => {
  const raw = await codec;
  const response: RatatoskrResponse = {
    messageType: 3,
    requestId: 'r',
    timestamp: 2n ** 62n,
    success: false,
    errorCode: 'E',
    // A byte order mark is a character as any other.
    errorMessage: '\ufeffno',
    payload: new Uint8Array(1000).fill(7),
    metadata: new Map([
      ['b', '2'],
      ['a', ''],
    ]),
  };
  const encoded = ratatoskr.encodeResponse(toComponent(response));
  expect(toHex(encoded)).toBe(toHex(raw.encodeResponse(response)));
  expect(fromComponent(ratatoskr.openResponse(encoded))).toEqual(response);
});
