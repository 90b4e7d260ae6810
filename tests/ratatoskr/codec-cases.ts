/**
 * What the codec says of every vector, up to the timestamp: a file in Node and one in Chromium call
 * this, so verdict and reason are the same on both.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import { NOW_S, type RatatoskrVector, VECTORS } from './vectors.ts';

const stagesHere = ['decode', 'schema', 'timestamp'];

export function runCodecCases(): void {
  let codec: RatatoskrCodec;
  beforeAll(async () => {
    codec = RatatoskrCodec.create({ module: await plainEngine() });
  });

  describe('Ratatoskr vectors, up to the timestamp', () => {
    it.each(VECTORS.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
      const bytes = fromHex(vector.bytes);
      const opened =
        vector.kind === 'request' ? codec.openRequest(bytes, NOW_S) : codec.openResponse(bytes);
      if (stagesHere.includes(vector.stage ?? '')) {
        expect(opened).toMatchObject({ ok: false, stage: vector.stage, reason: vector.reason });
      } else {
        expect(opened.ok).toBe(true);
        if (opened.ok) checkValues(codec, opened, vector);
      }
    });
  });
}

type Opened = Extract<ReturnType<RatatoskrCodec['openRequest' | 'openResponse']>, { ok: true }>;

function checkValues(codec: RatatoskrCodec, opened: Opened, vector: RatatoskrVector): void {
  const { decoded, signing } = vector;
  if ('request' in opened) {
    const { request, digest } = opened;
    if (decoded) {
      expect({
        message_type: request.messageType,
        request_id: request.requestId,
        device_id: request.deviceId,
        user_id: request.userId,
        timestamp: `${request.timestamp}`,
        nonce: toHex(request.nonce),
        signature: toHex(request.signature),
        payload: toHex(request.payload),
        metadata: Object.fromEntries(request.metadata),
      }).toEqual(expect.objectContaining(withoutName(decoded)));
    }
    if (signing?.sha256) expect(toHex(digest)).toBe(signing.sha256);
    expect(toHex(codec.requestDigest(request))).toBe(toHex(digest));
    const again = codec.openRequest(codec.encodeRequest(request), NOW_S);
    expect(again).toEqual({ ok: true, request, digest });
    if (isCanonical(vector)) expect(toHex(codec.encodeRequest(request))).toBe(vector.bytes);
    return;
  }
  const { response } = opened;
  expect({
    message_type: response.messageType,
    request_id: response.requestId,
    timestamp: `${response.timestamp}`,
    success: response.success,
    error_code: response.errorCode,
    error_message: response.errorMessage,
    payload: toHex(response.payload),
    metadata: Object.fromEntries(response.metadata),
  }).toEqual(decoded);
  expect(toHex(codec.encodeResponse(response))).toBe(vector.bytes);
}

function withoutName({ message_type_name: _, ...decoded }: Record<string, unknown>) {
  return decoded;
}

/** Two vectors are accepted although nobody would encode them so. */
function isCanonical({ name }: RatatoskrVector): boolean {
  return name !== 'fields_out_of_order' && name !== 'unknown_field_skipped';
}
