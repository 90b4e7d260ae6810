/** Requests as bytes: numbered, dated, signed (reference: sections 2, 9 rules 3 and 4). */

import type { RatatoskrCodec } from '../codec.ts';
import type { RatatoskrRequest } from '../messages.ts';
import { type Ed25519Signer, signRequest } from '../signing.ts';
import type { ClientClock } from './client-clock.ts';
import { RatatoskrError } from './client-error.ts';
import { NONCE_BYTES } from './limits.ts';

/** What a message says; the rest of it is made when it leaves. */
export interface Outgoing {
  messageType: number;
  requestId: string;
  payload: Uint8Array;
  metadata?: ReadonlyMap<string, string>;
}

export interface MadeMessage {
  bytes: Uint8Array;
  /** 32 bytes: what the answer must be bound to. */
  digest: Uint8Array;
}

export interface MessageMakerOptions {
  codec: RatatoskrCodec;
  signer: Ed25519Signer;
  deviceId: string;
  userId: string;
  clock: ClientClock;
  randomBytes: (count: number) => Uint8Array;
  /** Also sign by section 9, rule 4. */
  signV2: boolean;
}

export class MessageMaker {
  readonly #options: MessageMakerOptions;
  /** What the server's clock is ahead of ours. */
  #offsetMs = 0;

  constructor(options: MessageMakerOptions) {
    this.#options = options;
  }

  /** The server's time in milliseconds since the epoch, as far as it is known. */
  serverMs(): number {
    return this.#options.clock.unixMs() + this.#offsetMs;
  }

  /** The server says that it is this second; it may be up to a second later there. */
  learnTime(serverS: bigint): void {
    this.#offsetMs = Number(serverS) * 1000 - this.#options.clock.unixMs();
  }

  /** A fresh timestamp and nonce each time. Throws RatatoskrError ANDVARI_BAD_REQUEST. */
  async make({ metadata = new Map(), ...message }: Outgoing): Promise<MadeMessage> {
    const { codec, signer, deviceId, userId, randomBytes, signV2 } = this.#options;
    const unsigned: Omit<RatatoskrRequest, 'signature'> = {
      ...message,
      deviceId,
      userId,
      timestamp: BigInt(Math.floor(this.serverMs() / 1000)),
      nonce: randomBytes(NONCE_BYTES),
      metadata,
    };
    try {
      const { request, digest } = await signRequest(codec, signer, unsigned, { v2: signV2 });
      return { bytes: codec.encodeRequest(request), digest };
    } catch (cause) {
      const { message: problem } = cause as Error;
      throw new RatatoskrError('ANDVARI_BAD_REQUEST', problem, { cause });
    }
  }
}
