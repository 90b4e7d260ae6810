/**
 * Who signs and who verifies, and what: requests (section 2), our peers' second signature of a
 * request (section 9 rule 4) and the signature of a response (section 8), both in metadata. The
 * engine digests, and refuses what providers would judge differently; the provider does the rest.
 * Reference: Ratatoskr.
 */
import type { RatatoskrCodec } from './codec.ts';
import type { RatatoskrRequest, RatatoskrResponse } from './messages.ts';

export interface Ed25519Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes: R | S. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export interface Ed25519Verifier {
  /** `publicKey`: 32 bytes, `signature`: 64. False for whatever is no signature; never throws. */
  verify(
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> | boolean;
}

/** A library or a platform that has Ed25519. */
export interface Ed25519Provider extends Ed25519Verifier {
  readonly name: string;
  /** A signer of the secret key `seed` (32 bytes, RFC 8032 section 5.1.5). */
  signer(seed: Uint8Array): Promise<Ed25519Signer>;
}

/** Metadata key of a response's signature. */
export const RESPONSE_SIGNATURE_KEY = 'x-ratatoskr-sig';
/** Metadata key of a request's second signature. */
export const REQUEST_SIGNATURE_KEY = 'x-ratatoskr-sig2';
/** What stands for the request digest in a response that answers none. */
export const NO_REQUEST_DIGEST: Uint8Array = new Uint8Array(32);

const encoder = new TextEncoder();

/** Pieces of a signing input: texts and bytes behind their length (u32, big-endian). */
class SigningInput {
  private readonly parts: Uint8Array[] = [];

  constructor(label: string) {
    this.parts.push(encoder.encode(`${label}\0`));
  }

  raw(bytes: Uint8Array): this {
    this.parts.push(bytes);
    return this;
  }

  /** 8 bytes, big-endian, two's complement. */
  int64(value: bigint): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, value);
    return this.raw(bytes);
  }

  sized(content: Uint8Array | string): this {
    const bytes = typeof content === 'string' ? encoder.encode(content) : content;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    return this.raw(length).raw(bytes);
  }

  join(): Uint8Array {
    const joined = new Uint8Array(this.parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }
}

/**
 * P of section 8, whose SHA-256 a server signs. `requestDigest`: of the request that is answered
 * (32 bytes), or NO_REQUEST_DIGEST.
 */
export function responseSigningInput(
  response: RatatoskrResponse,
  requestDigest: Uint8Array,
): Uint8Array {
  return new SigningInput('ratatoskr-response-v1')
    .raw(requestDigest)
    .int64(BigInt(response.messageType))
    .sized(response.requestId)
    .int64(response.timestamp)
    .raw(Uint8Array.of(response.success ? 1 : 0))
    .sized(response.errorCode)
    .sized(response.errorMessage)
    .sized(response.payload)
    .join();
}

/** The same over a request, section 9 rule 4: it covers the type, and no byte can move. */
export function requestSigningInputV2(request: Omit<RatatoskrRequest, 'signature'>): Uint8Array {
  return new SigningInput('ratatoskr-request-v2')
    .int64(BigInt(request.messageType))
    .sized(request.requestId)
    .sized(request.deviceId)
    .sized(request.userId)
    .int64(request.timestamp)
    .sized(request.nonce)
    .sized(request.payload)
    .join();
}

/** The request with its signature, and with the second one if `v2`. */
export async function signRequest(
  codec: RatatoskrCodec,
  signer: Ed25519Signer,
  request: Omit<RatatoskrRequest, 'signature'>,
  { v2 = false }: { v2?: boolean } = {},
): Promise<{ request: RatatoskrRequest; digest: Uint8Array }> {
  const digest = codec.requestDigest(request);
  const signature = await signer.sign(digest);
  if (!v2) return { request: { ...request, signature }, digest };
  const second = await signer.sign(codec.sha256(requestSigningInputV2(request)));
  const metadata = new Map(request.metadata).set(REQUEST_SIGNATURE_KEY, toBase64Url(second));
  return { request: { ...request, signature, metadata }, digest };
}

/** The response with its signature in the metadata. */
export async function signResponse(
  codec: RatatoskrCodec,
  signer: Ed25519Signer,
  response: RatatoskrResponse,
  requestDigest: Uint8Array,
): Promise<RatatoskrResponse> {
  const signature = await signer.sign(codec.sha256(responseSigningInput(response, requestDigest)));
  const metadata = new Map(response.metadata).set(RESPONSE_SIGNATURE_KEY, toBase64Url(signature));
  return { ...response, metadata };
}

/** Key and verifier with which a signature is judged. */
export interface Judge {
  codec: RatatoskrCodec;
  verifier: Ed25519Verifier;
  /** 32 bytes. */
  publicKey: Uint8Array;
}

/** Is `signature` the key's, of these 32 bytes? The engine's refusals come first. */
export function verifyDigest(
  { codec, verifier, publicKey }: Judge,
  digest: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> | boolean {
  if (codec.refusedSignature(publicKey, signature)) return false;
  return verifier.verify(publicKey, digest, signature);
}

/** Is the second signature of the request there, and good? */
export function verifyRequestV2(
  judge: Judge,
  request: RatatoskrRequest,
): Promise<boolean> | boolean {
  const signature = fromBase64Url(request.metadata.get(REQUEST_SIGNATURE_KEY) ?? '');
  if (!signature) return false;
  return verifyDigest(judge, judge.codec.sha256(requestSigningInputV2(request)), signature);
}

/** Is the response's signature there, and good for an answer to this request? */
export function verifyResponse(
  judge: Judge,
  response: RatatoskrResponse,
  requestDigest: Uint8Array,
): Promise<boolean> | boolean {
  const signature = fromBase64Url(response.metadata.get(RESPONSE_SIGNATURE_KEY) ?? '');
  if (!signature) return false;
  const digest = judge.codec.sha256(responseSigningInput(response, requestDigest));
  return verifyDigest(judge, digest, signature);
}

/** base64url without padding, RFC 4648 section 5. */
export function toBase64Url(bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

const BASE64URL_64_BYTES = /^[A-Za-z0-9_-]{86}$/;

/** The 64 bytes that toBase64Url made the text of; undefined for any other text. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (!BASE64URL_64_BYTES.test(text)) return undefined;
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  // The last letter has four bits that no byte has: only one text means these bytes.
  return toBase64Url(bytes) === text ? bytes : undefined;
}
