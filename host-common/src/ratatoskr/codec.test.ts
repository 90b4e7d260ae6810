import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_IDENTITY, CLIENT_SIZES } from '../engine/configuration.ts';
import { Engine } from '../engine/engine.ts';
import { MESSAGE_BYTES_MAX, MESSAGE_PAYLOAD_BYTES_MAX } from '../engine/generated/limits.ts';
import { Status } from '../engine/generated/status.ts';
import { plainEngine } from '../engine/module.ts';
import { RatatoskrCodec } from './codec.ts';
import { MessageType, type RatatoskrRequest, type RatatoskrResponse } from './messages.ts';

const NOW_S = 1767225600;

const request: RatatoskrRequest = {
  messageType: MessageType.BUSINESS_REQUEST,
  requestId: 'r-1',
  deviceId: 'gerät',
  userId: '\ufeffuser',
  timestamp: BigInt(NOW_S),
  nonce: randomBytes(16),
  signature: randomBytes(64),
  payload: randomBytes(200),
  metadata: new Map([
    ['b', ''],
    ['a', 'ü'.repeat(40)],
  ]),
};
const response: RatatoskrResponse = {
  messageType: MessageType.ERROR,
  requestId: '-',
  timestamp: -1n,
  success: false,
  errorCode: 'MALFORMED',
  errorMessage: 'does not decode',
  payload: new Uint8Array(0),
  metadata: new Map([['class', 'SerializationError']]),
};

describe('RatatoskrCodec', () => {
  let codec: RatatoskrCodec;
  beforeAll(async () => {
    codec = RatatoskrCodec.create({ module: await plainEngine() });
  });

  const open = (changes: Partial<RatatoskrRequest>) =>
    codec.openRequest(codec.encodeRequest({ ...request, ...changes }), NOW_S);
  const refused = (changes: Partial<RatatoskrRequest>) =>
    expect(() => codec.encodeRequest({ ...request, ...changes })).toThrow(RangeError);

  it('gives back what went in, a byte order mark too', () => {
    const opened = open({});
    const digest = codec.requestDigest(request);
    const plain = { ...request, nonce: Uint8Array.from(request.nonce) };
    expect(opened).toMatchObject({ ok: true, digest, request: { userId: '\ufeffuser' } });
    if (!opened.ok) throw new Error('refused');
    expect(opened.request.nonce).toEqual(plain.nonce);
    expect([...opened.request.metadata.keys()]).toEqual(['a', 'b']);
    expect(codec.openResponse(codec.encodeResponse(response))).toEqual({ ok: true, response });
    const connect = { deviceIdentity: 'd', authenticationToken: 't'.repeat(4096), version: '1.0' };
    const connected = { accepted: true, sessionId: 's', expiresAt: -5n, serverVersion: '1.0' };
    expect(codec.openConnectionRequest(codec.encodeConnectionRequest(connect))).toEqual({
      ok: true,
      payload: connect,
    });
    expect(codec.openConnectionResponse(codec.encodeConnectionResponse(connected))).toEqual({
      ok: true,
      payload: connected,
    });
  });

  it('hands out copies', () => {
    const bytes = codec.encodeRequest(request);
    const opened = codec.openRequest(bytes, NOW_S);
    if (!opened.ok) throw new Error('refused');
    const { payload } = opened.request;
    bytes.fill(0);
    codec.openRequest(codec.encodeRequest({ ...request, payload: new Uint8Array(200) }), NOW_S);
    expect(payload).toEqual(Uint8Array.from(request.payload));
  });

  it('takes a payload of 1 MiB, and a message to its last byte', () => {
    const payload = randomBytes(MESSAGE_PAYLOAD_BYTES_MAX);
    const bytes = codec.encodeRequest({ ...request, payload });
    const opened = codec.openRequest(bytes, NOW_S);
    expect(opened.ok && Buffer.compare(opened.request.payload, payload)).toBe(0);
    refused({ payload: new Uint8Array(MESSAGE_PAYLOAD_BYTES_MAX + 1) });
    refused({ payload: new Uint8Array(4 * MESSAGE_PAYLOAD_BYTES_MAX) });
    // An unknown field fills the rest.
    const padding = new Uint8Array(MESSAGE_BYTES_MAX - bytes.length);
    padding.set([0x7a]);
    let length = padding.length - 4;
    for (let i = 1; i < 4; i++, length >>>= 7) padding[i] = (length & 127) | (i < 3 ? 128 : 0);
    const whole = Buffer.concat([bytes, padding]);
    expect(codec.openRequest(whole, NOW_S).ok).toBe(true);
    expect(codec.openRequest(Buffer.concat([whole, Buffer.of(0)]), NOW_S)).toEqual({
      ok: false,
      stage: 'decode',
      reason: 'MESSAGE_TOO_LARGE',
      requestId: '',
    });
  });

  it('says which request it refuses, if it has read that far', () => {
    const bytes = codec.encodeRequest(request);
    const cut = bytes.subarray(0, bytes.length - 1);
    expect(codec.openRequest(cut, NOW_S)).toMatchObject({ reason: 'LENGTH', requestId: 'r-1' });
    expect(codec.openRequest(bytes, NOW_S - 1)).toEqual({
      ok: false,
      stage: 'timestamp',
      reason: 'TIMESTAMP_FUTURE',
      requestId: 'r-1',
    });
    expect(codec.openRequest(bytes.subarray(0, 4), NOW_S)).toMatchObject({ requestId: '' });
    const long = Buffer.from(`1281 02${'61'.repeat(257)}`.replace(' ', ''), 'hex');
    expect(codec.openRequest(long, NOW_S)).toMatchObject({ stage: 'schema', requestId: '' });
    expect(codec.openResponse(Buffer.from('120161', 'hex'))).toMatchObject({
      stage: 'schema',
      reason: 'MESSAGE_TYPE',
      requestId: 'a',
    });
    expect(codec.openConnectionRequest(Buffer.from('0a', 'hex'))).toMatchObject({
      reason: 'TRUNCATED',
      requestId: '',
    });
  });

  it('encodes nothing that it would refuse', () => {
    refused({ messageType: MessageType.CONNECTION_RESPONSE });
    refused({ messageType: 1.5 });
    refused({ requestId: '' });
    refused({ deviceId: 'x'.repeat(257) });
    refused({ userId: 'half a pair: \ud800' });
    refused({ nonce: new Uint8Array(7) });
    refused({ signature: new Uint8Array(63) });
    refused({ timestamp: 2n ** 63n });
    refused({ metadata: new Map([['k'.repeat(65), '']]) });
    refused({ metadata: new Map([['k', 'v'.repeat(1025)]]) });
    refused({ metadata: new Map(Array.from({ length: 33 }, (_, i) => [`${i}`, ''])) });
    expect(() => codec.encodeResponse({ ...response, requestId: '' })).toThrow(RangeError);
    expect(() => codec.encodeResponse({ ...response, errorCode: 'x'.repeat(65) })).toThrow(
      RangeError,
    );
    // And goes on working.
    expect(open({}).ok).toBe(true);
  });

  it('takes times as seconds, with the skew that it is given', () => {
    const bytes = codec.encodeRequest(request);
    const at = (nowS: number, skewS?: number) => codec.openRequest(bytes, nowS, skewS).ok;
    expect([at(NOW_S + 300.9), at(NOW_S + 301), at(NOW_S - 0.1)]).toEqual([true, false, false]);
    expect([at(NOW_S - 60, 60), at(NOW_S - 61, 60)]).toEqual([true, false]);
    for (const wrong of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      expect(() => at(wrong)).toThrow(RangeError);
    }
    for (const wrong of [3601, -1, 0.5]) expect(() => at(NOW_S, wrong)).toThrow(RangeError);
    const future = { ...request, timestamp: 2n ** 40n };
    expect(codec.openRequest(codec.encodeRequest(future), 2 ** 40).ok).toBe(true);
  });

  it('leaves nothing of a message in memory', () => {
    const { engine } = codec as unknown as { engine: Engine };
    const secret = 'a secret that nobody else has';
    const payload = codec.encodeConnectionRequest({
      deviceIdentity: '',
      authenticationToken: secret,
      version: '',
    });
    codec.openConnectionRequest(payload);
    codec.openConnectionRequest(payload.subarray(0, payload.length - 1));
    codec.openRequest(codec.encodeRequest({ ...request, payload }), NOW_S);
    codec.sha256(payload);
    expect(Buffer.from(engine.memory.buffer as ArrayBuffer).includes(secret)).toBe(false);
  });

  it('is refused by an engine without room for messages', async () => {
    const engine = Engine.create({
      module: await plainEngine(),
      sizes: CLIENT_SIZES,
      identity: CLIENT_IDENTITY,
    });
    const { exports } = engine;
    expect(exports.ratatoskrOpen(0, 0)).toBe(Status.WRONG_STATE);
    expect(exports.ratatoskrOpenRequest(0, 0, 0, 0)).toBe(Status.WRONG_STATE);
    expect(exports.ratatoskrEncode(0)).toBe(Status.WRONG_STATE);
    expect(exports.ratatoskrDigest()).toBe(Status.WRONG_STATE);
    expect(exports.ratatoskrRecord(0, 0, 0)).toBe(Status.WRONG_STATE);
  });
});
