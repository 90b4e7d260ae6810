/**
 * All that a server checks of a request before it is somebody's (request-checks.ts has the order),
 * and what a client checks of an answer. Rate limits, sessions and dispatch are the server's.
 * Public API for whoever writes a server of his own:
 *
 * ```ts
 * const codec = RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 65536 });
 * const validator = new MessageValidator({
 *   codec, verifier: await hostEd25519(), device: (id) => devices.get(id),
 * });
 * const verdict = await validator.validate(bytes, Date.now() / 1000);
 * ```
 */
import type { RatatoskrCodec, Reason, Refusal } from './codec.ts';
import { MessageType, type RatatoskrResponse } from './messages.ts';
import {
  type Accepted,
  type RegisteredDevice,
  type Rejection,
  RequestChecks,
  type RequestRules,
} from './request-checks.ts';
import {
  type Ed25519Verifier,
  NO_REQUEST_DIGEST,
  RESPONSE_SIGNATURE_KEY,
  verifyResponse,
} from './signing.ts';

export type { Accepted, RegisteredDevice, Rejection, RejectionReason } from './request-checks.ts';

export interface MessageValidatorOptions<Device extends RegisteredDevice = RegisteredDevice>
  extends RequestRules {
  /** The device of exactly this id. */
  device(deviceId: string): Device | undefined | Promise<Device | undefined>;
}

export class MessageValidator<Device extends RegisteredDevice = RegisteredDevice> {
  private readonly options: MessageValidatorOptions<Device>;
  private readonly checks: RequestChecks<Device>;

  constructor(options: MessageValidatorOptions<Device>) {
    this.options = options;
    this.checks = new RequestChecks(options);
  }

  /**
   * `nowS`: seconds since the epoch. Whatever the bytes are, the verdict says. Rejects with
   * TypeError for what is no Uint8Array, with RangeError for a time that is none, and with what
   * registry and verifier reject with.
   */
  async validate(message: Uint8Array, nowS: number): Promise<Accepted<Device> | Rejection<Device>> {
    if (!(message instanceof Uint8Array)) throw new TypeError('message: wanted a Uint8Array');
    if (!(nowS >= 0 && nowS <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`nowS: wanted seconds since the epoch, got ${nowS}`);
    }
    const { checks } = this;
    const opened = checks.open(message, nowS);
    if (!opened.ok) return opened;
    const device = await this.options.device(opened.request.deviceId);
    const claimed = checks.claim(opened, device);
    return checks.accept(claimed, await checks.isSigned(claimed), nowS);
  }
}

export interface ResponseValidatorOptions {
  codec: RatatoskrCodec;
  verifier: Ed25519Verifier;
  /** The server's, 32 bytes; without it signatures are not looked at. */
  serverPublicKey?: Uint8Array;
  /** Refuse a response without a signature [true when there is a key]. */
  requireSignedResponses?: boolean;
}

export interface ResponseAccepted {
  ok: true;
  response: RatatoskrResponse;
  /** By the server's key. */
  signed: boolean;
  /** And for the request that waits. False: it may have been given to a damaged copy of it. */
  bound: boolean;
}

export interface ResponseRejection {
  ok: false;
  stage: Refusal['stage'] | 'response';
  reason: Reason | 'BAD_RESPONSE_SIGNATURE';
  requestId: string;
}

/** A client's side: decode, schema, signature (reference: Ratatoskr section 8). */
export class ResponseValidator {
  private readonly options: ResponseValidatorOptions;

  constructor(options: ResponseValidatorOptions) {
    this.options = options;
  }

  /**
   * `digestOf`: the digest of the request with this id, if one waits for its answer. The signature
   * must be for that request; for none (NO_REQUEST_DIGEST) if no request waits, or in an ERROR.
   */
  async validate(
    message: Uint8Array,
    digestOf: (requestId: string) => Uint8Array | undefined,
  ): Promise<ResponseAccepted | ResponseRejection> {
    const { codec, serverPublicKey: publicKey } = this.options;
    const { requireSignedResponses = publicKey !== undefined } = this.options;
    const opened = codec.openResponse(message);
    if (!opened.ok) return opened;
    const { response } = opened;
    const isPresent = response.metadata.has(RESPONSE_SIGNATURE_KEY);
    if (!requireSignedResponses && !(isPresent && publicKey)) {
      return { ok: true, response, signed: false, bound: false };
    }
    const { requestId } = response;
    const signedFor = publicKey && (await this.signedFor(publicKey, response, digestOf(requestId)));
    if (signedFor) return { ok: true, response, signed: true, bound: signedFor === 'request' };
    return { ok: false, stage: 'response', reason: 'BAD_RESPONSE_SIGNATURE', requestId };
  }

  private async signedFor(
    publicKey: Uint8Array,
    response: RatatoskrResponse,
    digest: Uint8Array | undefined,
  ): Promise<'request' | 'none' | undefined> {
    const judge = { ...this.options, publicKey };
    if (digest && (await verifyResponse(judge, response, digest))) return 'request';
    // A server that refuses a request before it has its digest signs for none.
    if (digest && response.messageType !== MessageType.ERROR) return undefined;
    return (await verifyResponse(judge, response, NO_REQUEST_DIGEST)) ? 'none' : undefined;
  }
}
