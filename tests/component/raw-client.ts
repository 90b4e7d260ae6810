/** requestSeal and replyOpen of the raw engine, fed with the fields that the component takes. */
import type { raida } from '@andvari/host-common/component';
import { CLIENT_IDENTITY, CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { Client } from '@andvari/host-common/engine/generated/client';
import { Region } from '@andvari/host-common/engine/generated/layout';
import { Status } from '@andvari/host-common/engine/generated/status';

const PAYLOAD_AT = 48;

export class RawClient {
  private readonly engine: Engine;
  private readonly frame: number;
  private readonly block: number;

  /** `shared`: `module` is the shared build. */
  constructor(module: WebAssembly.Module, shared = false) {
    const identity = CLIENT_IDENTITY;
    this.engine = Engine.create({ module, shared, sizes: CLIENT_SIZES, identity });
    this.frame = this.engine.region(Region.LARGE_FRAMES);
    this.block = this.engine.region(Region.CLIENT_BLOCK);
  }

  /** The sealed request, or the status. */
  seal(request: raida.Request): Uint8Array | number {
    this.describe(request, request.payload.length);
    this.engine.u8.set(request.payload, this.frame + PAYLOAD_AT);
    return this.done(this.engine.exports.requestSeal());
  }

  /** The payload of the reply, or the status. */
  open(request: raida.Request, reply: Uint8Array): Uint8Array | number {
    // Sealing appends the checksum of the challenge, which opening needs.
    this.describe({ ...request, encryption: 0 }, 0);
    this.engine.exports.requestSeal();
    const challenge = this.engine.u8.slice(this.block + Client.CHALLENGE, this.block + 136);
    this.describe(request, reply.length);
    this.engine.u8.set(challenge, this.block + Client.CHALLENGE);
    this.engine.u8.set(reply, this.frame);
    return this.done(this.engine.exports.replyOpen());
  }

  private done(status: number): Uint8Array | number {
    if (status !== Status.OK) return status;
    const { u8, u32 } = this.engine;
    const at = u32[(this.block + Client.OUT_OFFSET) >>> 2] ?? 0;
    return u8.slice(at, at + (u32[(this.block + Client.OUT_LENGTH) >>> 2] ?? 0));
  }

  private describe(request: raida.Request, length: number): void {
    const { u8, u32 } = this.engine;
    const fields: [number, number][] = [
      [Client.WIRE, request.wire === 'legacy' ? 1 : 0],
      [Client.TYPE, request.encryption],
      [Client.RAIDA_ID, request.raidaId],
      [Client.SHARD, request.shard],
      [Client.GROUP, request.group],
      [Client.COMMAND, request.command],
      [Client.COIN_ID, request.coinId],
      [Client.MESSAGE, this.frame],
      [Client.LENGTH, length],
      [Client.DENOMINATION, request.denomination],
      [Client.SERIAL, request.serial],
      [Client.DENOMINATION_2, request.secondDenomination],
      [Client.SERIAL_2, request.secondSerial],
      [Client.NO_BODY, request.hasBody ? 0 : 1],
    ];
    u8.fill(0, this.block, this.block + Client.BYTES);
    for (const [offset, value] of fields) u32[(this.block + offset) >>> 2] = value;
    u8.set(request.key, this.block + Client.KEY);
    u8.set(request.nonce, this.block + Client.NONCE);
    u8.set(request.challenge, this.block + Client.CHALLENGE);
  }
}

export type Random = (below: number) => number;

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** Any request, also impossible ones: unknown types, denominations and servers, payloads alone. */
export function randomRequest(random: Random): raida.Request {
  const encryption = [0, 1, 2, 4, 5, 3][random(6)] ?? 0;
  const keyBytes = encryption === 0 ? 0 : encryption === 5 ? 32 : 16;
  const hasBody = random(4) > 0;
  return {
    wire: random(2) ? 'spec' : 'legacy',
    encryption,
    raidaId: random(26),
    shard: random(256),
    group: random(256),
    command: random(256),
    coinId: random(65536),
    denomination: random(17) - 9,
    secondDenomination: random(15) - 8,
    hasBody,
    serial: random(2 ** 32),
    secondSerial: random(2 ** 32),
    key: randomBytes(random, keyBytes),
    nonce: randomBytes(random, 24),
    challenge: randomBytes(random, 12),
    payload: randomBytes(random, hasBody || random(3) === 0 ? random(300) : 0),
  };
}
