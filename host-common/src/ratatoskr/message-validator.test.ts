import { beforeAll, describe, expect, it } from 'vitest';
import { plainEngine } from '../engine/module.ts';
import { RatatoskrCodec } from './codec.ts';
import { hostEd25519 } from './ed25519.ts';
import {
  MessageValidator,
  type MessageValidatorOptions,
  type RegisteredDevice,
  ResponseValidator,
} from './message-validator.ts';
import { MessageType, type RatatoskrRequest, type RatatoskrResponse } from './messages.ts';
import {
  type Ed25519Provider,
  type Ed25519Signer,
  fromBase64Url,
  NO_REQUEST_DIGEST,
  REQUEST_SIGNATURE_KEY,
  RESPONSE_SIGNATURE_KEY,
  signRequest,
  signResponse,
  toBase64Url,
} from './signing.ts';

const NOW_S = 1767225600;
const REQUEST_ID = '4f0f3a52-7c55-4f0e-9c2e-0d9d3c1b6a77';

let verifier: Ed25519Provider;
let signer: Ed25519Signer;
let codec: RatatoskrCodec;
let devices: Map<string, RegisteredDevice>;
let nonces = 0;

beforeAll(async () => {
  verifier = await hostEd25519();
  signer = await verifier.signer(new Uint8Array(32).fill(1));
  codec = RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 100 });
  devices = new Map([
    ['device', { publicKey: signer.publicKey, userIds: new Set(['user']) }],
    ['gone', { publicKey: signer.publicKey, userIds: new Set(['user']), revoked: true }],
    ['weak', { publicKey: Uint8Array.of(1, ...new Uint8Array(31)), userIds: new Set(['user']) }],
  ]);
});

function unsigned(changes: Partial<RatatoskrRequest> = {}): Omit<RatatoskrRequest, 'signature'> {
  return {
    messageType: MessageType.BUSINESS_REQUEST,
    requestId: REQUEST_ID,
    deviceId: 'device',
    userId: 'user',
    timestamp: BigInt(NOW_S),
    nonce: new Uint8Array(16).fill(++nonces),
    payload: new Uint8Array(3),
    metadata: new Map(),
    ...changes,
  };
}

async function judge(
  changes: Partial<RatatoskrRequest>,
  options: Partial<MessageValidatorOptions> & { v2?: boolean; nowS?: number } = {},
) {
  const { v2 = false, nowS = NOW_S, ...others } = options;
  const { request } = await signRequest(codec, signer, unsigned(changes), { v2 });
  const device = (id: string) => devices.get(id);
  const validator = new MessageValidator({ codec, verifier, device, ...others });
  const verdict = await validator.validate(codec.encodeRequest(request), nowS);
  return verdict.ok ? 'ok' : `${verdict.stage} ${verdict.reason}`;
}

describe('MessageValidator', () => {
  it('knows devices, their users and who is gone', async () => {
    expect(await judge({})).toBe('ok');
    expect(await judge({ deviceId: 'other' })).toBe('identity UNKNOWN_DEVICE');
    expect(await judge({ userId: 'other' })).toBe('identity WRONG_USER');
    expect(await judge({ deviceId: 'gone' })).toBe('identity REVOKED_DEVICE');
    expect(await judge({ deviceId: 'weak' })).toBe('signature BAD_SIGNATURE');
  });

  it('takes bytes of a time, and judges them whatever they are', async () => {
    const device = (id: string) => devices.get(id);
    const validator = new MessageValidator({ codec, verifier, device });
    const wrong = [undefined, null, 'text', 5, [1, 2], new ArrayBuffer(4)] as unknown[];
    for (const message of wrong) {
      await expect(validator.validate(message as Uint8Array, NOW_S)).rejects.toThrow(TypeError);
    }
    for (const nowS of [Number.NaN, -1, Number.POSITIVE_INFINITY, undefined] as number[]) {
      await expect(validator.validate(Uint8Array.of(8), nowS)).rejects.toThrow(RangeError);
    }
    for (const bytes of [[], [8], [255, 255, 255]]) {
      const verdict = await validator.validate(Uint8Array.from(bytes), NOW_S);
      expect(verdict.ok).toBe(false);
    }
  });

  it('takes no user of whom the registry says anything but yes', async () => {
    const { publicKey } = signer;
    const never = { has: () => Promise.resolve(false) } as unknown as Set<string>;
    const device = () => ({ publicKey, userIds: never });
    expect(await judge({}, { device })).toBe('identity WRONG_USER');
  });

  it('records a nonce only when all before it is good', async () => {
    const nonce = new Uint8Array(16).fill(0xee);
    expect(await judge({ nonce, deviceId: 'weak' })).toBe('signature BAD_SIGNATURE');
    expect(await judge({ nonce, userId: 'other' })).toBe('identity WRONG_USER');
    expect(await judge({ nonce })).toBe('ok');
    expect(await judge({ nonce })).toBe('replay NONCE_REPLAYED');
  });

  it('refuses two copies at once but one', async () => {
    const { request } = await signRequest(codec, signer, unsigned());
    const bytes = codec.encodeRequest(request);
    const device = (id: string) => Promise.resolve(devices.get(id));
    const validator = new MessageValidator({ codec, verifier, device });
    const verdicts = await Promise.all([0, 1, 2].map(() => validator.validate(bytes, NOW_S)));
    expect(verdicts.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('after a start takes nothing from before it', async () => {
    expect(await judge({}, { notBeforeS: NOW_S })).toBe('ok');
    expect(await judge({}, { notBeforeS: NOW_S + 0.9 })).toBe('ok');
    expect(await judge({}, { notBeforeS: NOW_S + 1, nowS: NOW_S + 1 })).toBe(
      'timestamp BEFORE_START',
    );
  });

  it('demands the strict shape only where it is asked to', async () => {
    for (const changes of [
      { nonce: new Uint8Array(17).fill(++nonces) },
      { requestId: 'no-uuid' },
      { requestId: `${REQUEST_ID.slice(0, -1)}g` },
      { userId: 'us\u0000er' },
      { deviceId: 'dev\u202eice' },
    ]) {
      expect(await judge(changes, { strictShape: true })).toBe('schema NOT_STRICT_SHAPE');
      expect(await judge(changes)).not.toMatch(/schema/);
    }
    expect(await judge({}, { strictShape: true })).toBe('ok');
  });

  it('demands the second signature only where it is asked to', async () => {
    expect(await judge({}, { requireV2: true })).toBe('signature BAD_SIGNATURE');
    expect(await judge({}, { requireV2: true, v2: true })).toBe('ok');
    expect(await judge({}, { v2: true })).toBe('ok');
    const metadata = new Map([[REQUEST_SIGNATURE_KEY, 'AAAA']]);
    expect(await judge({ metadata }, { requireV2: true })).toBe('signature BAD_SIGNATURE');
  });

  it('with it, no byte moves over a border and no type changes', async () => {
    const whole = unsigned({ payload: Uint8Array.of(7, 8) });
    const { request } = await signRequest(codec, signer, whole, { v2: true });
    const moved = {
      ...request,
      nonce: Uint8Array.of(...request.nonce, 7),
      payload: Uint8Array.of(8),
    };
    const swapped = { ...request, messageType: MessageType.DISCONNECT };
    const device = (id: string) => devices.get(id);
    for (const forged of [moved, swapped]) {
      const bytes = codec.encodeRequest(forged);
      const strict = new MessageValidator({ codec, verifier, device, requireV2: true });
      expect(await strict.validate(bytes, NOW_S)).toMatchObject({ reason: 'BAD_SIGNATURE' });
      // Without it the first signature is good, and the digest in the replay cache stands alone.
      const fresh = RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 2 });
      const lax = new MessageValidator({ codec: fresh, verifier, device });
      expect((await lax.validate(bytes, NOW_S)).ok).toBe(true);
      expect(await lax.validate(codec.encodeRequest(request), NOW_S)).toMatchObject({
        reason: 'NONCE_REPLAYED',
      });
    }
  });
});

describe('a verifier that does not answer true', () => {
  const answers: unknown[] = ['yes', 1, {}, [], undefined, null, false];

  it.each(answers.flatMap((answer) => [[answer], [Promise.resolve(answer)]]))(
    'says no: %j',
    async (answer) => {
      const other = { verify: () => answer as boolean };
      for (const rules of [{}, { v2: true, requireV2: true }]) {
        expect(await judge({}, { ...rules, verifier: other })).toBe('signature BAD_SIGNATURE');
      }
      const response: RatatoskrResponse = {
        ...{ messageType: MessageType.BUSINESS_REQUEST, requestId: REQUEST_ID },
        ...{ timestamp: BigInt(NOW_S), success: true, errorCode: '', errorMessage: '' },
        ...{ payload: new Uint8Array(), metadata: new Map() },
      };
      const digest = new Uint8Array(32).fill(4);
      const bytes = codec.encodeResponse(await signResponse(codec, signer, response, digest));
      const options = { codec, serverPublicKey: signer.publicKey };
      const lies = new ResponseValidator({ ...options, verifier: other });
      expect((await lies.validate(bytes, () => digest)).ok).toBe(false);
      const right = new ResponseValidator({ ...options, verifier });
      expect((await right.validate(bytes, () => digest)).ok).toBe(true);
    },
  );

  it('says yes with true, now or later', async () => {
    for (const answer of [true, Promise.resolve(true)]) {
      expect(await judge({}, { verifier: { verify: () => answer } })).toBe('ok');
    }
  });
});

describe('ResponseValidator', () => {
  const response: RatatoskrResponse = {
    messageType: MessageType.BUSINESS_REQUEST,
    requestId: REQUEST_ID,
    timestamp: BigInt(NOW_S),
    success: true,
    errorCode: '',
    errorMessage: '',
    payload: Uint8Array.of(1, 2),
    metadata: new Map([['other', 'kept']]),
  };
  const digest = new Uint8Array(32).fill(4);

  async function verdictOf(
    changed: Partial<RatatoskrResponse>,
    signedFor: Uint8Array,
    waiting: Uint8Array | undefined = digest,
    signed: RatatoskrResponse = response,
  ) {
    const whole = await signResponse(codec, signer, signed, signedFor);
    const bytes = codec.encodeResponse({ ...whole, ...changed });
    const serverPublicKey = signer.publicKey;
    const validator = new ResponseValidator({ codec, verifier, serverPublicKey });
    const verdict = await validator.validate(bytes, () => waiting);
    return verdict.ok ? verdict.response.metadata.get('other') : verdict.reason;
  }

  it('takes what is signed for the request, and whole', async () => {
    expect(await verdictOf({}, digest)).toBe('kept');
    for (const changes of [
      { success: false },
      { messageType: MessageType.CONNECTION_RESPONSE },
      { requestId: 'another' },
      { timestamp: BigInt(NOW_S + 1) },
      { errorCode: 'x' },
      { errorMessage: 'x' },
      { payload: Uint8Array.of(1, 3) },
      { metadata: new Map<string, string>() },
      { metadata: new Map([[RESPONSE_SIGNATURE_KEY, '']]) },
    ]) {
      expect(await verdictOf(changes, digest)).toBe('BAD_RESPONSE_SIGNATURE');
    }
  });

  it('takes one for another request, or for none, only as an error', async () => {
    const other = new Uint8Array(32).fill(5);
    const error = { ...response, messageType: MessageType.ERROR, success: false };
    expect(await verdictOf({}, other)).toBe('BAD_RESPONSE_SIGNATURE');
    expect(await verdictOf({}, NO_REQUEST_DIGEST)).toBe('BAD_RESPONSE_SIGNATURE');
    expect(await verdictOf({}, other, digest, error)).toBe('BAD_RESPONSE_SIGNATURE');
    expect(await verdictOf({}, NO_REQUEST_DIGEST, digest, error)).toBe('kept');
    expect(await verdictOf({}, digest, digest, error)).toBe('kept');
  });

  it('without a key takes all, unless signatures are demanded', async () => {
    const bytes = codec.encodeResponse(response);
    const lax = new ResponseValidator({ codec, verifier });
    expect(await lax.validate(bytes, () => digest)).toMatchObject({ ok: true, signed: false });
    const strict = new ResponseValidator({ codec, verifier, requireSignedResponses: true });
    expect((await strict.validate(bytes, () => digest)).ok).toBe(false);
  });
});

describe('base64url of a signature', () => {
  it('has one spelling', () => {
    const signature = Uint8Array.from({ length: 64 }, (_, i) => 251 - i * 4);
    const text = toBase64Url(signature);
    expect(fromBase64Url(text)).toEqual(signature);
    const last = text.at(-1) ?? '';
    const next = String.fromCharCode(last.charCodeAt(0) + 1);
    for (const wrong of [
      `${text}=`,
      text.slice(1),
      text.slice(0, -1) + next,
      `+${text.slice(1)}`,
    ]) {
      expect(fromBase64Url(wrong), wrong).toBeUndefined();
    }
    expect(text).toMatch(/^[\w-]+$/);
  });
});
