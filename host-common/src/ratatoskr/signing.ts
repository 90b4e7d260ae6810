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
  /** 64 bytes: R | S. Rejects with TypeError for what are no bytes. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export interface Ed25519Verifier {
  /**
   * `publicKey`: 32 bytes, `signature`: 64. False for whatever is no signature; never throws.
   * Nothing but `true` is taken for a yes.
   */
  verify(
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> | boolean;
}

/** A library or a platform that has Ed25519. */
export interface Ed25519Provider extends Ed25519Verifier {
  readonly name: string;
  /**
   * A signer of the secret key `seed` (32 bytes, RFC 8032 section 5.1.5). Rejects with RangeError
   * for another length, with TypeError for what are no bytes.
   */
  signer(seed: Uint8Array): Promise<Ed25519Signer>;
}

/** Metadata key of a response's signature. */
export const RESPONSE_SIGNATURE_KEY = 'x-ratatoskr-sig';
/** Metadata key of a request's second signature. */
export const REQUEST_SIGNATURE_KEY = 'x-ratatoskr-sig2';
/** What stands for the request digest in a response that answers none. */
export const NO_REQUEST_DIGEST: Uint8Array = new Uint8Array(32);

const encoder = new TextEncoder();

/**
 * Inputs lie behind each other in a block of this size, so that not each of them leaves a buffer
 * to the garbage collector; long ones have their own. No byte is used twice: who has an input may
 * keep it.
 */
const BLOCK_BYTES = 32_768;
const SHORT_INPUT_BYTES = 1024;
/** Label, digest, numbers and lengths of an input. */
const FIXED_BYTES = 128;
let block = new Uint8Array();

/** A signing input: texts and bytes behind their length (u32, big-endian). */
class SigningInput {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private used = 0;

  /** `variable`: what it will have besides numbers; a character has up to three bytes. */
  constructor(label: Uint8Array, variable: readonly (Uint8Array | string)[]) {
    let room = FIXED_BYTES;
    for (const content of variable) {
      room += typeof content === 'string' ? 3 * content.length : content.length;
    }
    const isShort = room <= SHORT_INPUT_BYTES;
    if (isShort && block.length < room) block = new Uint8Array(BLOCK_BYTES);
    this.bytes = isShort ? block : new Uint8Array(room);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
    this.raw(label);
  }

  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.used);
    this.used += bytes.length;
    return this;
  }

  byte(value: number): this {
    this.bytes[this.used++] = value;
    return this;
  }

  /** 8 bytes, big-endian, two's complement. */
  int64(value: bigint): this {
    this.view.setBigInt64(this.used, value);
    this.used += 8;
    return this;
  }

  sized(content: Uint8Array | string): this {
    const at = this.used + 4;
    let { length } = content;
    if (typeof content === 'string') {
      length = encoder.encodeInto(content, this.bytes.subarray(at)).written;
    } else this.bytes.set(content, at);
    this.view.setUint32(this.used, length);
    this.used = at + length;
    return this;
  }

  /** It ends with this: what follows is the next one's. */
  joined(): Uint8Array {
    if (this.bytes === block) block = block.subarray(this.used);
    return this.bytes.subarray(0, this.used);
  }
}

const RESPONSE_LABEL = encoder.encode('ratatoskr-response-v1\0');
const REQUEST_LABEL = encoder.encode('ratatoskr-request-v2\0');

/**
 * P of section 8, whose SHA-256 a server signs. `requestDigest`: of the request that is answered
 * (32 bytes), or NO_REQUEST_DIGEST.
 */
export function responseSigningInput(
  response: RatatoskrResponse,
  requestDigest: Uint8Array,
): Uint8Array {
  const { requestId, errorCode, errorMessage, payload } = response;
  return new SigningInput(RESPONSE_LABEL, [requestId, errorCode, errorMessage, payload])
    .raw(requestDigest)
    .int64(BigInt(response.messageType))
    .sized(requestId)
    .int64(response.timestamp)
    .byte(response.success ? 1 : 0)
    .sized(errorCode)
    .sized(errorMessage)
    .sized(payload)
    .joined();
}

/** The same over a request, section 9 rule 4: it covers the type, and no byte can move. */
export function requestSigningInputV2(request: Omit<RatatoskrRequest, 'signature'>): Uint8Array {
  const { requestId, deviceId, userId, nonce, payload } = request;
  return new SigningInput(REQUEST_LABEL, [requestId, deviceId, userId, nonce, payload])
    .int64(BigInt(request.messageType))
    .sized(requestId)
    .sized(deviceId)
    .sized(userId)
    .int64(request.timestamp)
    .sized(nonce)
    .sized(payload)
    .joined();
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
  return isTrue(verifier.verify(publicKey, digest, signature));
}

/** A verifier of somebody else may answer what is no boolean; that is no yes. */
function isTrue(verdict: Promise<boolean> | boolean): Promise<boolean> | boolean {
  if (typeof (verdict as Promise<boolean> | undefined)?.then !== 'function') {
    return verdict === true;
  }
  return Promise.resolve(verdict).then((settled) => settled === true);
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
