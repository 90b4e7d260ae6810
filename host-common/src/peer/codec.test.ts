import { beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_IDENTITY, CLIENT_SIZES } from '../engine/configuration.ts';
import { Engine } from '../engine/engine.ts';
import {
  PEER_BROADCAST_BYTES_MAX,
  PEER_REQUEST_BYTES_MAX,
  PEER_RESPONSE_BYTES_MAX,
} from '../engine/generated/limits.ts';
import { Status } from '../engine/generated/status.ts';
import { plainEngine } from '../engine/module.ts';
import { PeerCodec } from './codec.ts';
import type { ProtocolMessage } from './messages.ts';

const sender = Uint8Array.from([0, 0x24, 8, 1, 0x12, 0x20, ...new Uint8Array(32).fill(7)]);
const message: ProtocolMessage = {
  protocol: '/net/1',
  messageId: 2n ** 64n - 1n,
  roundId: 65_535,
  sender,
  payload: new Uint8Array(3),
};
const refusedAsLarge = { ok: false, stage: 'decode', reason: 'MESSAGE_TOO_LARGE' };

describe('PeerCodec', () => {
  let codec: PeerCodec;
  beforeAll(async () => {
    codec = PeerCodec.create({ module: await plainEngine() });
  });
  const ask = (payload: Uint8Array, protocol = 'p') =>
    codec.encodeRequest({ type: 'protocol', protocol, payload, metadata: null });

  it('takes messages up to their bounds, in either direction', () => {
    const half = new Uint8Array((PEER_REQUEST_BYTES_MAX - 256) / 2).fill(200);
    const opened = codec.openRequest(ask(half.subarray(1)));
    expect(opened.ok && opened.request.type === 'protocol' && opened.request.payload.length).toBe(
      half.length - 1,
    );
    expect(() => ask(new Uint8Array(half.length + 1).fill(200))).toThrow(RangeError);
    expect(() => ask(new Uint8Array(PEER_RESPONSE_BYTES_MAX + 1))).toThrow(RangeError);
    const data = new Uint8Array(PEER_RESPONSE_BYTES_MAX - 256);
    const answer = codec.encodeResponse({ type: 'success', data });
    expect(codec.openResponse(answer)).toMatchObject({ ok: true });
    const large = (bytes: number) => new Uint8Array(bytes + 1);
    expect(codec.openRequest(large(PEER_REQUEST_BYTES_MAX))).toEqual(refusedAsLarge);
    expect(codec.openResponse(large(PEER_RESPONSE_BYTES_MAX))).toEqual(refusedAsLarge);
    expect(codec.openMessage(large(PEER_BROADCAST_BYTES_MAX), 'broadcast')).toEqual(refusedAsLarge);
  });

  it('broadcasts 64 KiB, sends more to one', () => {
    const payload = new Uint8Array(PEER_BROADCAST_BYTES_MAX);
    expect(() => codec.encodeMessage({ ...message, payload }, 'broadcast')).toThrow(RangeError);
    const bytes = codec.encodeMessage({ ...message, payload }, 'direct');
    expect(codec.openMessage(bytes, 'direct')).toEqual({
      ok: true,
      message: { ...message, payload },
    });
    expect(codec.openMessage(bytes, 'broadcast')).toEqual(refusedAsLarge);
  });

  it('encodes nothing that it would refuse', () => {
    const none = new Uint8Array(0);
    expect(() => ask(none, 'p'.repeat(129))).toThrow(RangeError);
    expect(() => ask(none, 'half a pair: \ud800')).toThrow(RangeError);
    expect(() => ask('text' as unknown as Uint8Array)).toThrow(TypeError);
    const error = (code: number, text = '') =>
      codec.encodeResponse({ type: 'error', code, message: text });
    for (const code of [-1, 0.5, 65_536]) expect(() => error(code)).toThrow(RangeError);
    expect(() => error(0, 'e'.repeat(513))).toThrow(RangeError);
    const challenge = new Uint8Array(32);
    expect(() => codec.encodeRequest({ type: 'hello', challenge }, 2)).toThrow(RangeError);
    const refused = (changes: Partial<ProtocolMessage>) =>
      expect(() => codec.encodeMessage({ ...message, ...changes }, 'direct')).toThrow(RangeError);
    refused({ roundId: 65_536 });
    refused({ messageId: 2n ** 64n });
    refused({ messageId: -1n });
    refused({ sender: sender.subarray(1) });
    refused({ recipient: none });
    // And goes on working.
    expect(codec.openRequest(ask(none)).ok).toBe(true);
  });

  it('hands out copies, and leaves nothing of a message in memory', () => {
    const { engine } = codec as unknown as { engine: Engine };
    const secret = 'a secret that nobody else has';
    const payload = new TextEncoder().encode(secret);
    const bytes = ask(payload);
    const opened = codec.openRequest(bytes);
    codec.openRequest(bytes.subarray(0, bytes.length - 1));
    codec.encodeMessage({ ...message, payload }, 'direct');
    if (!opened.ok || opened.request.type !== 'protocol') throw new Error('refused');
    expect(opened.request.payload).toEqual(payload);
    expect(Buffer.from(engine.memory.buffer as ArrayBuffer).includes(secret)).toBe(false);
  });

  it('is refused by an engine without room for peer messages', async () => {
    const module = await plainEngine();
    const { exports } = Engine.create({ module, sizes: CLIENT_SIZES, identity: CLIENT_IDENTITY });
    expect(exports.peerOpen(0, 2, 0)).toBe(Status.WRONG_STATE);
    expect(exports.peerEncode(0, 2)).toBe(Status.WRONG_STATE);
    expect(exports.peerSigningBytes(2)).toBe(Status.WRONG_STATE);
    expect(exports.peerCheckHandshake(2, 0, 0)).toBe(Status.WRONG_STATE);
  });
});
