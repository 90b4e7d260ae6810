/** Group Key exchange (reference: RAIDA section 9; seed 001). */
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { RequestError } from '../codec.ts';
import { AN_BYTES, type Coin } from '../coin.ts';
import { COIN_BYTES, FieldReader, FieldWriter, want16, wantBytes } from '../fields.ts';
import { type Command, readNothing, type ServerOutcome } from '../outcome.ts';

const DATA_BYTES = 128;
/** Start and length are checked together: their sum is at most this. */
const DATA_END_MAX = 127;
const FILE_BYTES_MAX = 512;
const POST_BYTES = 167;
const GET_BYTES = 37;
const KEY_PART_BYTES = 8;
const RECORD_BYTES = 26;

/** One encrypted half of a key, as a RAIDA gave it to the other side (4/45). */
export interface KeyRecord extends Coin {
  coinId: number;
  /** Which half of the AN it becomes: 0 or 1. */
  split: number;
  raidaId: number;
  shardId: number;
  /** 16 bytes, encrypted. */
  key: Uint8Array;
}

export interface KeyPost extends Coin {
  /** 16 bytes: the name that the key is got by. */
  id: Uint8Array;
  /** At most 127 bytes. */
  data: Uint8Array;
}

/** The key for a recipient: 16 bytes, encrypted for it alone. Its good status is 0 (NO_ERROR). */
const encryptKey = (recipient: Coin, keyPart?: Uint8Array): Command<Uint8Array> => ({
  group: 4,
  command: 44,
  payload: () => {
    const writer = new FieldWriter(COIN_BYTES + (keyPart ? KEY_PART_BYTES : 0)).coin(recipient);
    return keyPart
      ? writer.block(wantBytes(keyPart, KEY_PART_BYTES, 'key part')).bytes
      : writer.bytes;
  },
  good: [Status.OK],
  read: ({ payload }) => (payload.length === AN_BYTES ? payload : undefined),
});

const decryptKeys = (coin: Coin, records: readonly KeyRecord[]): Command<boolean[]> => ({
  group: 4,
  command: 45,
  payload: () => {
    const writer = new FieldWriter(COIN_BYTES + records.length * RECORD_BYTES).coin(coin);
    for (const record of records) {
      writer.u16BE(record.coinId).u8(record.split).u8(record.raidaId).u8(record.shardId);
      writer.coin(record).block(want16(record.key, 'key'));
    }
    return writer.bytes;
  },
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    if (payload.length !== records.length || payload.some((byte) => byte > 1)) return undefined;
    return Array.from(payload, (byte) => byte === 1);
  },
});

const postKey = (post: KeyPost): Command<true> => ({
  group: 4,
  command: 41,
  payload: () => {
    const { id, data } = post;
    if (data.length > DATA_END_MAX) {
      throw new RequestError(`data: wanted at most ${DATA_END_MAX} bytes, got ${data.length}`);
    }
    const writer = new FieldWriter(POST_BYTES).block(want16(id, 'id')).skip(AN_BYTES).coin(post);
    return writer
      .block(data)
      .skip(DATA_BYTES - data.length)
      .u8(0)
      .u8(data.length).bytes;
  },
  good: [Status.SUCCESS],
  read: readNothing,
});

const getKey = (id: Uint8Array): Command<Coin & { data: Uint8Array }> => ({
  group: 4,
  command: 43,
  payload: () => new FieldWriter(GET_BYTES).block(want16(id, 'id')).bytes,
  good: [Status.SUCCESS],
  read: ({ payload }) => {
    if (payload.length > FILE_BYTES_MAX) return undefined;
    const reader = new FieldReader(payload);
    const coin = { denomination: reader.denomination(), serialNumber: reader.u32BE() };
    return { ...coin, data: reader.block(reader.left) };
  },
});

const keyAlert = (payload: Uint8Array): Command<true> => ({
  group: 4,
  command: 42,
  ...(payload.length > 0 ? { payload: () => new Uint8Array(payload) } : {}),
  good: [Status.SUCCESS],
  read: readNothing,
});

export class KeyExchangeCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /**
   * A key for a recipient (4/44): 16 bytes that only the owner of that coin can read. With
   * `keyPart` (8 bytes), in the form of the public servers.
   */
  encryptKey(
    recipient: Coin,
    { keyPart, ...options }: AskOptions<Uint8Array> & { keyPart?: Uint8Array } = {},
  ): Promise<ServerOutcome<Uint8Array>[]> {
    return this.asker.askEach(encryptKey(recipient, keyPart), options);
  }

  /** Hands key records over (4/45): for each, whether it became half of an AN. */
  decryptKeys(
    coin: Coin,
    records: readonly KeyRecord[],
    options?: AskOptions<boolean[]>,
  ): Promise<ServerOutcome<boolean[]>[]> {
    return this.asker.askEach(decryptKeys(coin, records), options);
  }

  /** Leaves a key to be got by its id (4/41). Replacing one takes encryption with the same coin. */
  postKey(post: KeyPost, options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(postKey(post), options);
  }

  /** The key with this id of 16 bytes (4/43) and the coin it was posted with. */
  getKey(
    id: Uint8Array,
    options?: AskOptions<Coin & { data: Uint8Array }>,
  ): Promise<ServerOutcome<Coin & { data: Uint8Array }>[]> {
    return this.asker.askEach(getKey(id), options);
  }

  /** Announces a key (4/42); servers take anything. */
  alert(payload = new Uint8Array(0), options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(keyAlert(payload), options);
  }
}
