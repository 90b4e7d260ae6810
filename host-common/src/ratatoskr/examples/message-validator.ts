/** How somebody's own server checks requests and signs answers: docs/api.md shows this file. */
import { plainEngine } from '../../engine/module.ts';
import { RatatoskrCodec } from '../codec.ts';
import { MessageValidator, type RegisteredDevice } from '../message-validator.ts';
import { MessageType } from '../messages.ts';
import { type Ed25519Provider, type Ed25519Signer, signResponse } from '../signing.ts';

/** What a server needs, made once. `startedS`: seconds since the epoch. */
export async function serverOf(
  verifier: Ed25519Provider,
  devices: ReadonlyMap<string, RegisteredDevice>,
  startedS: number,
) {
  const codec = RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 65_536 });
  const validator = new MessageValidator({
    codec,
    verifier,
    device: (deviceId) => devices.get(deviceId),
    // The replay cache is empty: what was sent before may have been taken before.
    notBeforeS: startedS,
  });
  return { codec, validator };
}

/** The bytes that answer the bytes of a request; its payload comes back. */
export async function answer(
  { codec, validator }: Awaited<ReturnType<typeof serverOf>>,
  signer: Ed25519Signer,
  message: Uint8Array,
  nowS: number,
): Promise<Uint8Array> {
  const verdict = await validator.validate(message, nowS);
  const common = { timestamp: BigInt(Math.floor(nowS)), errorMessage: '', metadata: new Map() };
  if (!verdict.ok) {
    // The reason is for the audit log: a stranger is told as little as possible.
    console.warn(`${verdict.stage}: ${verdict.reason}`);
    const requestId = verdict.requestId || '-';
    const error = { messageType: MessageType.ERROR, requestId, success: false };
    const payload = new Uint8Array(0);
    return codec.encodeResponse({ ...common, ...error, errorCode: 'REFUSED', payload });
  }
  const { request, digest } = verdict;
  const { requestId, payload } = request;
  const messageType = MessageType.BUSINESS_REQUEST;
  const response = { ...common, messageType, requestId, success: true, errorCode: '', payload };
  return codec.encodeResponse(await signResponse(codec, signer, response, digest));
}
