/**
 * RAIDA requests and replies as bytes, made and checked by the engine: wallets run the same code as
 * servers. Secrets (keys, nonces, challenges) stay in a context of the request until dispose().
 */
import { CLIENT_SIZES, type WireName } from '../engine/configuration.ts';
import { Engine } from '../engine/engine.ts';
import { Client } from '../engine/generated/client.ts';
import { Region, Wire } from '../engine/generated/layout.ts';
import { LARGE_FRAME_BYTES } from '../engine/generated/limits.ts';
import { Status, statusName } from '../engine/generated/status.ts';

/** The key that a request is encrypted with (reference: RAIDA section 3); keys are 16 bytes. */
export type Encryption =
  | { type: 1 | 4; denomination: number; serialNumber: number; key: Uint8Array }
  | { type: 2; key: Uint8Array }
  | {
      type: 5;
      denomination: number;
      serialNumber: number;
      key: Uint8Array;
      denomination2: number;
      serialNumber2: number;
      key2: Uint8Array;
    };

export interface RaidaRequest {
  raidaId: number;
  group: number;
  command: number;
  payload: Uint8Array;
  shardId?: number;
  /** The header alone: no challenge, no trailer. */
  noBody?: boolean;
  encryption?: Encryption;
}

export interface RaidaReply {
  /** Wire status, 0 to 255. */
  status: number;
  /** Decrypted, without trailer; the caller's own. */
  payload: Uint8Array;
  executionUs: number;
}

export interface SealedRequest {
  /** What travels. */
  readonly bytes: Uint8Array;
  /** The two bytes by which a reply is told from others. */
  readonly echo: number;
  /**
   * Checks and decrypts a reply. Throws ReplyError; the request can be tried against another reply.
   */
  open(reply: Uint8Array): RaidaReply;
  /** Wipes keys and nonces. open() then throws. */
  dispose(): void;
}

export interface RaidaCodec {
  seal(request: RaidaRequest): SealedRequest;
}

/** A reply that is not the answer to the request, or was changed on its way. */
export class ReplyError extends Error {
  readonly code = 'ANDVARI_BAD_REPLY';
  /** Status of replyOpen (REPLY_SIZE, REPLY_ECHO, ...). */
  readonly status: number;

  constructor(status: number) {
    super(`reply refused: ${statusName(status)}`);
    this.name = 'ReplyError';
    this.status = status;
  }
}

/** A request that cannot be put on the wire. */
export class RequestError extends Error {
  readonly code = 'ANDVARI_BAD_REQUEST';
}

/** Where the engine wants the payload, whatever the header. */
const PAYLOAD_AT = 48;
const NONCE_BYTES = 24;
const CHALLENGE_BYTES = 12;
const KEY_BYTES = 16;

export class EngineCodec implements RaidaCodec {
  private readonly engine: Engine;
  private readonly frame: number;
  private readonly block: number;
  private readonly wire: number;
  private readonly coinId: number;

  /** `module`: a compiled engine, plain build. */
  constructor(module: WebAssembly.Module, network: { wire: WireName; coinId: number }) {
    this.wire = network.wire === 'legacy' ? Wire.LEGACY : Wire.SPEC;
    this.coinId = network.coinId;
    const identity = { raidaId: 0, modern: true, version: '00000000', ...network };
    this.engine = Engine.create({ module, sizes: CLIENT_SIZES, identity });
    this.frame = this.engine.region(Region.LARGE_FRAMES);
    this.block = this.engine.region(Region.CLIENT_BLOCK);
  }

  seal(request: RaidaRequest): SealedRequest {
    const context = this.contextOf(request);
    this.engine.u8.set(request.payload, this.frame + PAYLOAD_AT);
    this.engine.u8.set(context, this.block);
    const status = this.engine.exports.requestSeal();
    if (status !== Status.OK) throw new RequestError(`request refused: ${statusName(status)}`);
    const bytes = this.result();
    // The engine has appended the challenge's CRC, which the reply's check needs.
    context.set(this.engine.u8.subarray(this.block, this.block + Client.BYTES));
    this.wipe(bytes.length);
    return new Sealed(this, bytes, context);
  }

  /** Opens a reply to the request of that context; used by the sealed request. */
  open(context: Uint8Array, reply: Uint8Array): RaidaReply {
    if (reply.length > LARGE_FRAME_BYTES) throw new ReplyError(Status.REPLY_SIZE);
    const { u8, u32 } = this.engine;
    u8.set(reply, this.frame);
    u8.set(context, this.block);
    u32[(this.block + Client.MESSAGE) >>> 2] = this.frame;
    u32[(this.block + Client.LENGTH) >>> 2] = reply.length;
    const opened = this.engine.exports.replyOpen();
    const word = (offset: number) => u32[(this.block + offset) >>> 2] ?? 0;
    const executionUs = word(Client.OUT_EXECUTION);
    const status = word(Client.OUT_STATUS);
    const payload = opened === Status.OK ? this.result() : new Uint8Array(0);
    this.wipe(reply.length);
    if (opened !== Status.OK) throw new ReplyError(opened);
    return { status, payload, executionUs };
  }

  private contextOf(request: RaidaRequest): Uint8Array<ArrayBuffer> {
    const { encryption } = request;
    if (request.payload.length > LARGE_FRAME_BYTES - 2 * PAYLOAD_AT) {
      throw new RequestError(`payload: wanted at most 65 KB, got ${request.payload.length} bytes`);
    }
    const context = new Uint8Array(Client.BYTES);
    const view = new DataView(context.buffer);
    const set = (offset: number, value: number) => view.setUint32(offset, value, true);
    set(Client.WIRE, this.wire);
    set(Client.TYPE, encryption?.type ?? 0);
    set(Client.RAIDA_ID, request.raidaId);
    set(Client.SHARD, request.shardId ?? 0);
    set(Client.GROUP, request.group);
    set(Client.COMMAND, request.command);
    set(Client.COIN_ID, this.coinId);
    set(Client.MESSAGE, this.frame);
    set(Client.LENGTH, request.payload.length);
    set(Client.NO_BODY, request.noBody ? 1 : 0);
    if (encryption) setKeys(context, set, encryption);
    crypto.getRandomValues(context.subarray(Client.NONCE, Client.NONCE + NONCE_BYTES));
    crypto.getRandomValues(context.subarray(Client.CHALLENGE, Client.CHALLENGE + CHALLENGE_BYTES));
    return context;
  }

  private result(): Uint8Array {
    const { u8, u32 } = this.engine;
    const offset = u32[(this.block + Client.OUT_OFFSET) >>> 2] ?? 0;
    const length = u32[(this.block + Client.OUT_LENGTH) >>> 2] ?? 0;
    return u8.slice(offset, offset + length);
  }

  private wipe(bytes: number): void {
    this.engine.u8.fill(0, this.frame, this.frame + PAYLOAD_AT + bytes);
    this.engine.u8.fill(0, this.block, this.block + Client.BYTES);
  }
}

function setKeys(
  context: Uint8Array,
  set: (offset: number, value: number) => void,
  encryption: Encryption,
): void {
  if (encryption.key.length !== KEY_BYTES) throw new RequestError('key: wanted 16 bytes');
  context.set(encryption.key, Client.KEY);
  if (encryption.type === 2) return;
  set(Client.DENOMINATION, encryption.denomination);
  set(Client.SERIAL, encryption.serialNumber);
  if (encryption.type !== 5) return;
  if (encryption.key2.length !== KEY_BYTES) throw new RequestError('key2: wanted 16 bytes');
  context.set(encryption.key2, Client.KEY_2);
  set(Client.DENOMINATION_2, encryption.denomination2);
  set(Client.SERIAL_2, encryption.serialNumber2);
}

class Sealed implements SealedRequest {
  readonly bytes: Uint8Array;
  readonly echo: number;
  private readonly codec: EngineCodec;
  private context: Uint8Array | undefined;

  constructor(codec: EngineCodec, bytes: Uint8Array, context: Uint8Array) {
    this.codec = codec;
    this.bytes = bytes;
    this.context = context;
    const at = Client.NONCE + NONCE_BYTES - 2;
    this.echo = ((context[at] ?? 0) << 8) | (context[at + 1] ?? 0);
  }

  open(reply: Uint8Array): RaidaReply {
    if (!this.context) throw new ReplyError(Status.WRONG_STATE);
    return this.codec.open(this.context, reply);
  }

  dispose(): void {
    this.context?.fill(0);
    this.context = undefined;
  }
}
