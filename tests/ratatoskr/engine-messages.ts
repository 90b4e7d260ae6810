/** The engine's ratatoskr exports over either build, without the codec: verdicts as numbers. */
import { CLIENT_IDENTITY, CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import { Block, Verdict } from '@andvari/host-common/engine/generated/ratatoskr';
import { plainEngine } from '@andvari/host-common/engine/module';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { fieldsOf, type Values } from './oracle.ts';

const sizes = { ...CLIENT_SIZES, ratatoskr: true };

export class EngineMessages {
  private readonly engine: Engine;
  private readonly base: number;

  constructor(module: WebAssembly.Module, shared: boolean) {
    this.engine = Engine.create({ module, shared, sizes, identity: CLIENT_IDENTITY });
    this.base = this.engine.region(Region.RATATOSKR);
  }

  static async plain(): Promise<EngineMessages> {
    return new EngineMessages(await plainEngine(), false);
  }
  static async shared(): Promise<EngineMessages> {
    return new EngineMessages(await sharedEngine(), true);
  }

  open(kind: number, message: Uint8Array): number {
    const { u8, exports } = this.engine;
    const at = this.base + Block.IN;
    u8.set(message, at);
    // What lies behind a message must not matter.
    u8.fill(0xa5, at + message.length, at + message.length + 32);
    return exports.ratatoskrOpen(kind, message.length);
  }

  /** Encodes what open() has read. */
  encode(kind: number): Uint8Array {
    const status = this.engine.exports.ratatoskrEncode(kind);
    if (status !== Verdict.OK) throw new Error(`encode: ${status}`);
    const at = this.base + Block.OUT;
    return this.engine.u8.slice(at, at + this.word(this.base + Block.OUT_LENGTH));
  }

  /** The fields that open() has read, in the form of oracleDecode. */
  values(kind: number): Values {
    const values: Values = {};
    for (const { name, type, id } of fieldsOf(kind)) {
      const at = this.base + Block.FIELDS + 8 * id;
      const number = this.engine.u64[at >>> 3] ?? 0n;
      if (id === 9 - kind && kind < 2) values[name] = this.metadata();
      else if (type === 'string') values[name] = this.bytes(at).toString('utf8');
      else if (type === 'bytes') values[name] = this.bytes(at).toString('hex');
      else if (type === 'int64') values[name] = `${BigInt.asIntN(64, number)}`;
      else if (type === 'bool') values[name] = number === 1n;
      else values[name] = Number(BigInt.asIntN(32, number));
    }
    return values;
  }

  private metadata(): Values {
    const entries: [string, string][] = [];
    for (let i = 0; i < this.word(this.base + Block.METADATA_COUNT); i++) {
      const at = this.base + Block.METADATA + 16 * i;
      entries.push([this.bytes(at).toString('utf8'), this.bytes(at + 8).toString('utf8')]);
    }
    return Object.fromEntries(entries);
  }

  /** A copy: neither build's memory may be decoded in place everywhere. */
  private bytes(at: number): Buffer {
    const offset = this.word(at);
    return Buffer.from(this.engine.u8.slice(offset, offset + this.word(at + 4)));
  }

  private word(at: number): number {
    return this.engine.u32[at >>> 2] ?? 0;
  }
}
