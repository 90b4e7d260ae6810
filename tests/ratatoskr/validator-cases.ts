/**
 * Every vector through the whole order of checks, and the vectors of Ed25519, over each provider of
 * this host. A file in Node and one in Chromium call this.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import {
  MessageValidator,
  type MessageValidatorOptions,
  ResponseValidator,
} from '@andvari/host-common/ratatoskr/message-validator';
import type { Ed25519Provider } from '@andvari/host-common/ratatoskr/signing';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import ed25519 from '../vectors/ed25519.json' with { type: 'json' };
import {
  NOW_S,
  type RatatoskrVector,
  REGISTRY,
  requestOf,
  SERVER_PUBLIC_KEY,
  VECTORS,
} from './vectors.ts';

const vectors = VECTORS.map((vector) => [vector.name, vector] as const);
const requests = vectors.filter(([, { kind }]) => kind === 'request');
const responses = vectors.filter(([, { kind }]) => kind === 'response');

const freshCodec = async () =>
  RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 16 });

export const registeredDevice: MessageValidatorOptions['device'] = (deviceId) => {
  const found = REGISTRY.filter((entry) => entry.device_id === deviceId);
  const [first] = found;
  if (!first) return undefined;
  return {
    publicKey: fromHex(first.public_key),
    userIds: new Set(found.map((entry) => entry.user_id)),
  };
};

/** Puts into the cache what the vector says is there before. */
function prime(codec: RatatoskrCodec, { state }: RatatoskrVector): void {
  for (const { device_id, nonce } of state?.seen_nonces ?? []) {
    const request = { ...requestOf(), deviceId: device_id, nonce: fromHex(nonce) };
    const seen = state?.seen_digests?.find((entry) => entry.device_id === device_id);
    const digest = seen ? fromHex(seen.sha256) : new Uint8Array(32).fill(7);
    expect(codec.recordReplay(request, digest, NOW_S)).toBe('ok');
  }
}

export function runValidatorCases(providers: () => Promise<Ed25519Provider[]>): void {
  const each = async (work: (provider: Ed25519Provider) => Promise<void>) => {
    for (const provider of await providers()) await work(provider);
  };

  describe('Ratatoskr vectors, all checks', () => {
    it.each(requests)('%s', async (_, vector) => {
      await each(async (verifier) => {
        const codec = await freshCodec();
        prime(codec, vector);
        const validator = new MessageValidator({ codec, verifier, device: registeredDevice });
        const verdict = await validator.validate(fromHex(vector.bytes), NOW_S);
        if (vector.verdict === 'accept') {
          expect(verdict.ok, verifier.name).toBe(true);
          const again = await validator.validate(fromHex(vector.bytes), NOW_S);
          expect(again).toMatchObject({ ok: false, stage: 'replay', reason: 'NONCE_REPLAYED' });
        } else {
          const { stage, reason } = vector;
          expect(verdict, verifier.name).toMatchObject({ ok: false, stage, reason });
        }
      });
    });

    it.each(responses)('%s', async (_, vector) => {
      await each(async (verifier) => {
        const codec = await freshCodec();
        const serverPublicKey = fromHex(SERVER_PUBLIC_KEY);
        const options = { codec, verifier, serverPublicKey, requireSignedResponses: false };
        const digest = fromHex(
          VECTORS.find(({ name }) => name === 'connection_request_valid')?.signing?.sha256 ?? '',
        );
        const verdict = await new ResponseValidator(options).validate(
          fromHex(vector.bytes),
          () => digest,
        );
        const { stage, reason } = vector;
        if (vector.verdict === 'reject')
          expect(verdict).toMatchObject({ ok: false, stage, reason });
        else expect(verdict).toMatchObject({ ok: true, signed: vector.signing !== undefined });
        const strict = new ResponseValidator({ ...options, requireSignedResponses: true });
        const strictly = await strict.validate(fromHex(vector.bytes), () => digest);
        expect(strictly.ok).toBe(vector.verdict === 'accept' && vector.signing !== undefined);
      });
    });
  });

  runEd25519Cases(each);
}

function runEd25519Cases(
  each: (work: (provider: Ed25519Provider) => Promise<void>) => Promise<void>,
): void {
  describe('Ed25519 vectors', () => {
    it('signs as published', async () => {
      await each(async (provider) => {
        for (const item of ed25519.cases) {
          if (item.kind !== 'sign') continue;
          const signer = await provider.signer(fromHex(item.secret ?? ''));
          expect(toHex(signer.publicKey)).toBe(item.public);
          expect(toHex(await signer.sign(fromHex(item.msg))), provider.name).toBe(item.sig);
        }
      });
    });

    it('verifies what is valid and nothing else, behind the checks of the engine', async () => {
      const codec = await freshCodec();
      await each(async (provider) => {
        for (const item of ed25519.cases) {
          const key = fromHex(item.pk ?? item.public ?? '');
          const signature = fromHex(item.sig);
          const refused = codec.refusedSignature(key, signature);
          const valid = item.kind === 'sign' || item.result === 'valid';
          if (valid) expect(refused, item.comment).toBeUndefined();
          const verified = await provider.verify(key, fromHex(item.msg), signature);
          expect(!refused && verified, `${provider.name}: ${item.comment}`).toBe(valid);
        }
      });
    });
  });
}
