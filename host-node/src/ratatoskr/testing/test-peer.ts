/** A client of a Ratatoskr server that says exactly what a test wants it to. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import {
  MessageType,
  type RatatoskrRequest,
  type RatatoskrResponse,
} from '@andvari/host-common/ratatoskr/messages';
import { WebSocket } from 'ws';
import { NodeEd25519Signer } from '../node-ed25519.ts';

/** The signer of a device, from its name. */
export function signerOf(deviceId: string): NodeEd25519Signer {
  return new NodeEd25519Signer(createHash('sha256').update(`device ${deviceId}`).digest());
}

export interface TestPeerOptions {
  deviceId: string;
  userId: string;
  codec: RatatoskrCodec;
  /** Unix seconds [the system's]. */
  nowS?: () => number;
  /** The authority of the server's certificate. */
  ca?: string;
}

export interface Closed {
  code: number;
  reason: string;
}

/** One socket, and a device's key. */
export class TestPeer {
  readonly socket: WebSocket;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<Closed>;
  /** Answers in the order in which they came. */
  readonly answers: RatatoskrResponse[] = [];
  readonly #codec: RatatoskrCodec;
  readonly #nowS: () => number;
  readonly #owner: { deviceId: string; userId: string };
  /** What the WebSocket writes to. */
  #below: Duplex | undefined;
  #came: () => void = () => {};

  constructor(url: string, options: TestPeerOptions) {
    const { codec, deviceId, userId, nowS, ca } = options;
    this.#codec = codec;
    this.#nowS = nowS ?? (() => Math.floor(Date.now() / 1000));
    this.#owner = { deviceId, userId };
    const socket = new WebSocket(url, 'ratatoskr.v1', ca ? { ca } : {});
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.on('upgrade', ({ socket: below }) => {
        this.#below = below;
      });
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on('message', (data) => {
      const opened = codec.openResponse(new Uint8Array(data as Buffer));
      if (!opened.ok) throw new Error(`the server sent what does not open: ${opened.reason}`);
      this.answers.push(opened.response);
      this.#came();
    });
  }

  /** A signed request; `change` replaces fields before the signature is made. */
  request(change: Partial<RatatoskrRequest> = {}): RatatoskrRequest {
    const request = {
      messageType: MessageType.BUSINESS_REQUEST as number,
      requestId: randomUUID() as string,
      ...this.#owner,
      timestamp: BigInt(this.#nowS()),
      nonce: new Uint8Array(randomBytes(16)),
      payload: new Uint8Array(),
      metadata: new Map<string, string>(),
      ...change,
    };
    const digest = this.#codec.requestDigest(request);
    const signature = signerOf(this.#owner.deviceId).signNow(digest);
    return { ...request, signature: change.signature ?? signature };
  }

  connectionRequest(
    version = '1.0',
    change: Partial<RatatoskrRequest> = {},
    token = 'token',
  ): RatatoskrRequest {
    const payload = this.#codec.encodeConnectionRequest({
      deviceIdentity: 'identity',
      authenticationToken: token,
      version,
    });
    return this.request({ messageType: MessageType.CONNECTION_REQUEST, payload, ...change });
  }

  send(request: RatatoskrRequest | Uint8Array): void {
    const bytes = request instanceof Uint8Array ? request : this.#codec.encodeRequest(request);
    this.socket.send(bytes);
  }

  /** In one write, so that one read brings them all. */
  sendTogether(requests: readonly RatatoskrRequest[]): void {
    this.#below?.cork();
    for (const request of requests) this.send(request);
    this.#below?.uncork();
  }

  /** Sends and takes the next answer, whatever it answers. */
  async ask(request: RatatoskrRequest | Uint8Array): Promise<RatatoskrResponse> {
    const count = this.answers.length;
    this.send(request);
    return this.answer(count);
  }

  /** The answer of this number, from 0, once it is here. */
  async answer(index: number): Promise<RatatoskrResponse> {
    while (this.answers.length <= index) {
      await new Promise<void>((resolve) => {
        this.#came = resolve;
      });
    }
    return this.answers[index] as RatatoskrResponse;
  }
}
