/**
 * What is sent to the engine: valid requests in every encryption, and what mutation makes of them.
 */
import { COMMAND, type CommandName } from '../engine/commands.ts';
import type { Dice } from '../engine/twin-run.ts';
import { IDENTITY } from '../engine/vector-state.ts';
import {
  buildRequest,
  ctr,
  requestCounter,
  type TwinEncryption,
  type TwinWire,
} from '../twin/twin-wire.ts';
import { KEY_COIN, Payloads, type Records } from './payloads.ts';

export interface Input {
  bytes: Buffer;
  /** Flag.DATAGRAM, Flag.LOCAL. */
  flags: number;
  address: number;
}

const COMMANDS = Object.keys(COMMAND) as CommandName[];
/** Numbers at which arithmetic goes wrong. */
const EDGES = [0, 1, 0x7f, 0x80, 0xfe, 0xff, 0x100, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff];
/** The largest body, and the largest message that a frame takes. */
const BYTES_MAX = 65535 + 48;
const HEADER_BYTES = 32;
/** With challenge or HMAC, and trailer, still a body. */
const PAYLOAD_BYTES_MAX = 65400;

export interface InputOptions {
  dice: Dice;
  records: Records;
  wire: TwinWire;
  /** Left out: every command. */
  commands?: readonly CommandName[];
  /** True: valid requests alone. */
  sound?: boolean;
  /** One list of coins in so many is long [60]. */
  manyOf?: number;
}

export class Inputs {
  readonly payloads: Payloads;
  readonly #dice: Dice;
  readonly #wire: TwinWire;
  readonly #commands: readonly CommandName[];
  readonly #sound: boolean;
  #last: Buffer = Buffer.alloc(64);

  constructor(options: InputOptions) {
    const { dice, records, wire, commands = COMMANDS, sound = false, manyOf = 60 } = options;
    this.#dice = dice;
    this.#wire = wire;
    this.#commands = commands;
    this.#sound = sound;
    this.payloads = new Payloads(dice, records, manyOf);
  }

  next(): Input {
    const dice = this.#dice;
    let bytes = this.#valid();
    if (!this.#sound && dice.roll(5) > 1) bytes = this.#mutated(bytes);
    this.#last = bytes;
    const flags = dice.roll(2) | (dice.roll(4) ? 2 : 0);
    return { bytes: bytes.subarray(0, BYTES_MAX), flags, address: 0x0a000001 + dice.roll(3) };
  }

  #valid(): Buffer {
    const dice = this.#dice;
    const command = dice.pick(this.#commands);
    const [group, number] = COMMAND[command];
    const encryption = this.#encryption();
    const nonce = dice.bytes(encryption.type >= 4 ? 24 : 8);
    let payload = this.payloads.of(command);
    // Now and then the payload itself is mutated before it is sealed, in every encryption.
    if (!this.#sound && dice.roll(4) === 0) payload = this.#mutated(payload);
    const request = {
      ...{ raidaId: IDENTITY.raidaId, group, command: number, encryption, nonce },
      ...{ payload: payload.subarray(0, PAYLOAD_BYTES_MAX), challenge: CHALLENGE },
      ...{ noBody: dice.roll(40) === 0, shardId: dice.roll(30) ? 0 : dice.roll(5) },
    };
    if (command === 'decryptKey' && dice.roll(2)) this.#sealKeys(request);
    return buildRequest(this.#wire, request).bytes;
  }

  /** Makes the keys of 4/45 such that they open, under the coin's key on the server they name. */
  #sealKeys(request: Parameters<typeof buildRequest>[1]): void {
    const { header } = buildRequest(this.#wire, request);
    const counter = request.encryption?.type ? requestCounter(this.#wire, header) : ZEROS;
    const { payload } = request;
    for (let at = 5; at + 26 <= payload.length; at += 26) {
      const plain = Buffer.concat([
        ...[Buffer.alloc(8, 0x6b), payload.subarray(at + 5, at + 10), Buffer.of(0, 0, 0xff)],
      ]);
      const raidaId = (payload[at + 3] ?? 0) % 25;
      payload.set(ctr(this.keyOf(raidaId), counter, plain), at + 10);
    }
  }

  /** Key of KEY_COIN on a server; the round sets it. */
  keyOf: (raidaId: number) => Uint8Array = () => ZEROS;

  #encryption(): TwinEncryption {
    const dice = this.#dice;
    const type = dice.pick([0, 0, 0, 0, 0, 0, 1, 1, 2, 4, 5] as const);
    if (type === 0) return { type };
    if (type === 2) return { type, key: Buffer.from(`${'33'.repeat(12)}ffffffff`, 'hex') };
    const coin = dice.roll(3) ? KEY_COIN : this.payloads.coin();
    const key = this.payloads.an(coin);
    if (type !== 5) return { type, key, ...coin };
    const other = { denomination2: KEY_COIN.denomination, serialNumber2: KEY_COIN.serialNumber };
    return { type, key, ...coin, ...other, key2: this.payloads.an(KEY_COIN) };
  }

  /** One to four changes. */
  #mutated(bytes: Buffer): Buffer {
    let changed: Buffer = Buffer.from(bytes);
    for (let left = 1 + this.#dice.roll(4); left > 0; left--) changed = this.#change(changed);
    return changed;
  }

  #change(bytes: Buffer): Buffer {
    const dice = this.#dice;
    const at = dice.roll(Math.max(1, bytes.length));
    switch (dice.roll(9)) {
      case 0:
        return bytes.subarray(0, at);
      case 1:
        return Buffer.concat([bytes, dice.bytes(dice.roll(dice.roll(20) ? 64 : 600))]);
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(dice.roll(bytes.length + 1))]);
      case 3:
        return Buffer.concat([bytes.subarray(0, at), this.#last.subarray(at)]);
      case 4:
        return this.#sized(bytes);
      case 5:
        return this.#put(bytes, at, dice.pick(EDGES));
      case 6:
        return this.#repeated(bytes);
      default:
        if (bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.roll(8));
        return bytes;
    }
  }

  /** The size field of the header says what there is, or something else. */
  #sized(bytes: Buffer): Buffer {
    if (bytes.length < HEADER_BYTES) return bytes;
    const dice = this.#dice;
    const size = dice.roll(3) ? bytes.length - HEADER_BYTES : dice.roll(65536);
    bytes.writeUInt16BE(size & 0xffff, dice.roll(4) ? 22 : 17);
    if (dice.roll(2)) bytes.fill(0x3e, Math.max(HEADER_BYTES, bytes.length - 2));
    return bytes;
  }

  /** A number of 1, 2 or 4 bytes at a place. */
  #put(bytes: Buffer, at: number, value: number): Buffer {
    const width = this.#dice.pick([1, 2, 4]);
    if (at + width > bytes.length) return bytes;
    bytes.writeUIntBE(value % 256 ** width, at, width);
    return bytes;
  }

  /** A body many times as long: large frames, long lists. */
  #repeated(bytes: Buffer): Buffer {
    const body = bytes.subarray(HEADER_BYTES + 16, -2);
    const most = Math.floor(60000 / Math.max(1, body.length));
    if (body.length === 0 || most === 0 || this.#dice.roll(12)) return bytes;
    const times = 1 + this.#dice.roll(most);
    const head = bytes.subarray(0, HEADER_BYTES + 16);
    const long = Buffer.concat([head, ...Array(times).fill(body), Buffer.of(0x3e, 0x3e)]);
    long.writeUInt16BE(long.length - HEADER_BYTES, 22);
    return long;
  }
}

const ZEROS = Buffer.alloc(16);
const CHALLENGE = Buffer.alloc(12, 0x63);
