/** The example of docs/api.md works, and the document shows it as it is. */
import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { hostEd25519 } from '../ed25519.ts';
import { ResponseValidator } from '../message-validator.ts';
import { MessageType } from '../messages.ts';
import { signRequest } from '../signing.ts';
import { answer, serverOf } from './message-validator.ts';

const NOW_S = 1767225600;

test('a server answers a request once, and its answer is signed', async () => {
  vi.spyOn(console, 'warn').mockReturnValue(undefined);
  const provider = await hostEd25519();
  const device = await provider.signer(new Uint8Array(32).fill(1));
  const signer = await provider.signer(new Uint8Array(32).fill(2));
  const known = { publicKey: device.publicKey, userIds: new Set(['user']) };
  const server = await serverOf(provider, new Map([['device', known]]), NOW_S);
  const { codec } = server;
  const { request, digest } = await signRequest(codec, device, {
    messageType: MessageType.BUSINESS_REQUEST,
    requestId: '4f0f3a52-7c55-4f0e-9c2e-0d9d3c1b6a77',
    deviceId: 'device',
    userId: 'user',
    timestamp: BigInt(NOW_S),
    nonce: crypto.getRandomValues(new Uint8Array(16)),
    payload: Uint8Array.of(1, 2, 3),
    metadata: new Map(),
  });
  const bytes = codec.encodeRequest(request);
  const client = new ResponseValidator({
    codec,
    verifier: provider,
    serverPublicKey: signer.publicKey,
  });
  const first = await client.validate(await answer(server, signer, bytes, NOW_S), () => digest);
  expect(first).toMatchObject({ ok: true, signed: true, response: { success: true } });
  const again = codec.openResponse(await answer(server, signer, bytes, NOW_S));
  expect(again).toMatchObject({ ok: true, response: { success: false, errorCode: 'REFUSED' } });
  const broken = codec.openResponse(await answer(server, signer, bytes.subarray(1), NOW_S));
  expect(broken).toMatchObject({ ok: true, response: { requestId: '-' } });
});

test('docs/api.md shows message-validator.ts', () => {
  const example = readFileSync(new URL('message-validator.ts', import.meta.url), 'utf8');
  const document = readFileSync(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
  const shown = example
    .slice(example.indexOf('*/\n') + 3)
    .replaceAll("'../../", "'@andvari/host-common/")
    .replaceAll("'../", "'@andvari/host-common/ratatoskr/")
    .replaceAll(".ts'", "'");
  expect(document).toContain(shown.trim());
});
