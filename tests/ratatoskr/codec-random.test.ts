/**
 * The codec's values and digests against node:crypto and TextDecoder, with random and damaged
 * requests. A failure prints the seed (ANDVARI_SEED).
 */
import { createHash } from 'node:crypto';
import { MessageKind } from '@andvari/host-common/engine/generated/ratatoskr';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import type { RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { damage, randomValues } from './random-messages.ts';

const REQUESTS = process.env.ANDVARI_LONG ? 20_000 : 500;
const MUTATIONS = process.env.ANDVARI_LONG ? 200_000 : 10_000;
const TEXTS = process.env.ANDVARI_LONG ? 1_000_000 : 100_000;
const TIMEOUT_MS = 300_000;

/** The signing input of section 2, spelled out. */
function preimage(request: RatatoskrRequest): Buffer {
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigInt64BE(request.timestamp);
  const { requestId, deviceId, userId, nonce, payload } = request;
  const ids = [requestId, deviceId, userId].map((id) => Buffer.from(id));
  return Buffer.concat([...ids, timestamp, nonce, payload]);
}

function randomRequest(random: (below: number) => number): RatatoskrRequest {
  const values = randomValues(random, MessageKind.REQUEST);
  return {
    messageType: values.message_type as number,
    requestId: values.request_id as string,
    deviceId: values.device_id as string,
    userId: values.user_id as string,
    timestamp: BigInt(values.timestamp as string),
    nonce: Uint8Array.from(values.nonce as Buffer),
    signature: Uint8Array.from(values.signature as Buffer),
    payload: Uint8Array.from(values.payload as Buffer),
    metadata: new Map(Object.entries(values.metadata as Record<string, string>)),
  };
}

describe('RatatoskrCodec with random requests', () => {
  let codec: RatatoskrCodec;
  const seed = seedOfRun();
  beforeAll(async () => {
    codec = RatatoskrCodec.create({ module: await plainEngine() });
  });

  it('gives back what it encoded, and the digest that node:crypto computes', {
    timeout: TIMEOUT_MS,
  }, () => {
    const random = randomFrom(seed);
    for (let i = 0; i < REQUESTS; i++) {
      const where = `ANDVARI_SEED=${seed}, request ${i}`;
      const made = randomRequest(random);
      const request = { ...made, timestamp: made.timestamp & (2n ** 52n - 1n) };
      const nowS = Number(request.timestamp) + random(301);
      const digest = createHash('sha256').update(preimage(request)).digest();
      expect(Buffer.from(codec.requestDigest(request)), where).toEqual(digest);
      const opened = codec.openRequest(codec.encodeRequest(request), nowS);
      expect(opened, where).toMatchObject({ ok: true, request });
      if (opened.ok) expect(Buffer.from(opened.digest), where).toEqual(digest);
      const wide = createHash('sha256').update(preimage(made)).digest();
      expect(Buffer.from(codec.requestDigest(made)), where).toEqual(wide);
    }
  });

  it('never throws for what comes from outside', { timeout: TIMEOUT_MS }, () => {
    const random = randomFrom(seed + 1);
    const nowS = 1767225600;
    const corpus = Array.from({ length: 100 }, () =>
      codec.encodeRequest({ ...randomRequest(random), timestamp: BigInt(nowS - random(301)) }),
    );
    const pick = () => corpus[random(corpus.length)] ?? new Uint8Array(0);
    let accepted = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const bytes = damage(random, pick(), pick());
      const opened = codec.openRequest(bytes, nowS);
      codec.openResponse(bytes);
      codec.openConnectionRequest(bytes);
      codec.openConnectionResponse(bytes);
      if (!opened.ok) continue;
      accepted++;
      const again = codec.openRequest(codec.encodeRequest(opened.request), nowS);
      expect(again, `ANDVARI_SEED=${seed}, mutation ${i}`).toEqual(opened);
    }
    expect(accepted).toBeGreaterThan(MUTATIONS / 100);
  });

  it('takes as text what TextDecoder takes', { timeout: TIMEOUT_MS }, () => {
    const random = randomFrom(seed + 2);
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    // Bytes at the borders of the classes of RFC 3629, so that characters come about.
    const edges = Buffer.from('00417f808f909fa0bfc0c1c2dfe0e1ecedeeefbbf0f1f3f4f5f7f8fbff', 'hex');
    let taken = 0;
    for (let i = 0; i < TEXTS; i++) {
      const text = Buffer.from(
        Array.from({ length: random(random(8) ? 6 : 40) }, () => edges[random(edges.length)] ?? 0),
      );
      let wanted = true;
      try {
        decoder.decode(text);
      } catch {
        wanted = false;
      }
      const opened = codec.openConnectionResponse(
        Buffer.concat([Buffer.of(0x12, text.length), text]),
      );
      const where = `ANDVARI_SEED=${seed}, text ${i}: ${text.toString('hex')}`;
      if (opened.ok !== wanted) expect(opened, where).toMatchObject({ ok: wanted });
      if (opened.ok) taken++;
    }
    expect(taken).toBeGreaterThan(TEXTS / 20);
  });
});
