/**
 * Coin files (reference: RAIDA section 14). All numbers are big-endian.
 *
 * Format 9, 32 bytes and 407 (or 807) for each coin:
 *
 * | offset | size | field |
 * |---|---|---|
 * | 0 | 1 | format, 9 |
 * | 1 | 1 | reserved, 1 |
 * | 2 | 2 | coin id, 6 |
 * | 4 | 1 | free |
 * | 5 | 1 | encryption of the coins: 0 none, 1 AES-128-CTR, 4 AES-256-CTR |
 * | 6 | 2 | coin count |
 * | 8 | 7 | first bytes of the password's SHA-256 |
 * | 15 | 1 | 1: 400 bytes of proposed ANs (PANs) follow the ANs of each coin |
 * | 16 | 13 | one coin: results, 4 bits for each RAIDA, the last 4 bits empty |
 * | 29 | 3 | one coin: task number |
 * | 16 | 16 | many coins: "Live Free Or Die" |
 * | 32 | | per coin: split 0, shard 0, denomination (signed), serial number, 25 ANs, [PANs] |
 *
 * Key file, 440 bytes: coin id at 2, 25 ANs at 40, all else zero; the name gives the coin:
 * `<denomination as 2 hex digits>.<serial number>.bin`.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import {
  type Coin,
  type CoinKeys,
  coinNumber,
  formatFileValue,
  isDenomination,
  isSerialNumber,
  KEYS_BYTES,
  totalUnits,
} from './coin.ts';
import type { Light } from './grading.ts';
import { FILE_COINS_MAX, NAME_CHARACTERS_SHOWN, TAG_CHARACTERS_MAX } from './limits.ts';

const FORMAT = 9;
const RESERVED = 1;
const HEADER_BYTES = 32;
const COIN_HEADER_BYTES = 7;
const KEY_FILE_BYTES = 440;
const KEY_FILE_KEYS = 40;
const KEY_FILE_NAME = /(?:^|[\\/])([0-9a-fA-F]{2})\.(\d{1,10})\.bin$/;
const MANY_COINS_TEXT = 'Live Free Or Die';
const at = { coinId: 2, encryption: 5, count: 6, proposals: 15, results: 16 } as const;

/** Coin id of CloudCoin. */
export const CLOUD_COIN_ID = 6;

/** A coin as files carry it. */
export interface FileCoin extends CoinKeys {
  /** 400 bytes: ANs that an unfinished change of ownership proposed; servers hold either. */
  proposedNumbers?: Uint8Array;
  /** The last known answer of each server; only one-coin files have it. */
  results?: Light[];
}

export interface CoinFile {
  kind: 'coins' | 'key';
  coinId: number;
  coins: FileCoin[];
}

/** A coin file to write. */
export interface NamedFile {
  name: string;
  bytes: Uint8Array;
}

export interface CoinFileOptions {
  /** Shown in the name: `... '<tag>'.bin`; at most 64 characters. */
  tag?: string;
  coinId?: number;
}

/** A file that is no coin file, or coins that no file can hold. */
export class CoinFileError extends Error {
  override readonly name = 'CoinFileError';
  readonly code = 'ANDVARI_COIN_FILE';
  readonly fileName: string;
  /** Byte at which the file is not what was wanted. */
  readonly offset: number;

  constructor(fileName: string, offset: number, problem: string) {
    super(`${showName(fileName)}, byte ${offset}: ${problem}`);
    this.fileName = fileName;
    this.offset = offset;
  }
}

function showName(name: string): string {
  const plain = name.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?');
  if (plain.length <= NAME_CHARACTERS_SHOWN) return plain || 'coin file without a name';
  return `${plain.slice(0, NAME_CHARACTERS_SHOWN)}...`;
}

/** Result nibbles of one-coin files; a nibble that is not listed tells nothing about the coin. */
const lightOfNibble = new Map<number, Light>([
  [0x0, 'none'],
  [0xa, 'pass'],
  [0xb, 'refused'],
  [0xc, 'timeout'],
  [0xd, 'unreachable'],
  [0xe, 'error'],
  [0xf, 'fail'],
]);
const nibbleOfLight = new Map([...lightOfNibble].map(([nibble, light]) => [light, nibble]));

function parseResults(bytes: Uint8Array): Light[] {
  return Array.from({ length: RAIDA_COUNT }, (_, raidaId) => {
    const pair = bytes[at.results + (raidaId >> 1)] ?? 0;
    const nibble = raidaId % 2 === 0 ? pair >> 4 : pair & 15;
    return lightOfNibble.get(nibble) ?? 'none';
  });
}

function emitResults(lights: readonly Light[], bytes: Uint8Array): void {
  for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
    const nibble = nibbleOfLight.get(lights[raidaId] ?? 'none') ?? 0;
    const index = at.results + (raidaId >> 1);
    bytes[index] = (bytes[index] ?? 0) | (raidaId % 2 === 0 ? nibble << 4 : nibble);
  }
}

/** Reads big-endian fields and refuses what is not as wanted. */
class Reader {
  readonly bytes: Uint8Array;
  readonly name: string;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, name: string) {
    this.bytes = bytes;
    this.name = name;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  refuse(offset: number, problem: string): never {
    throw new CoinFileError(this.name, offset, problem);
  }

  u8(offset: number): number {
    return this.view.getUint8(offset);
  }

  i8(offset: number): number {
    return this.view.getInt8(offset);
  }

  u16BE(offset: number): number {
    return this.view.getUint16(offset);
  }

  u32BE(offset: number): number {
    return this.view.getUint32(offset);
  }

  want(offset: number, what: string, wanted: number, got: number): void {
    if (got !== wanted) this.refuse(offset, `${what}: wanted ${wanted}, got ${got}`);
  }
}

function readCoin(reader: Reader, offset: number, proposals: boolean): FileCoin {
  reader.want(offset, 'split', 0, reader.u8(offset));
  reader.want(offset + 1, 'shard', 0, reader.u8(offset + 1));
  const denomination = reader.i8(offset + 2);
  if (!isDenomination(denomination)) {
    reader.refuse(offset + 2, `denomination: wanted -8 to 6, got ${denomination}`);
  }
  const keys = offset + COIN_HEADER_BYTES;
  const coin: FileCoin = {
    denomination,
    serialNumber: reader.u32BE(offset + 3),
    authenticationNumbers: reader.bytes.slice(keys, keys + KEYS_BYTES),
  };
  if (!proposals) return coin;
  const proposed = reader.bytes.slice(keys + KEYS_BYTES, keys + 2 * KEYS_BYTES);
  // The ANs again: what a file with several coins writes for a coin that has no proposals.
  if (proposed.every((byte, index) => byte === coin.authenticationNumbers[index])) return coin;
  return { ...coin, proposedNumbers: proposed };
}

/** The fields of the header that decide how the rest is read. */
function readHeader(reader: Reader, coinId: number): { count: number; proposals: boolean } {
  const length = reader.bytes.length;
  if (length < HEADER_BYTES) {
    reader.refuse(length, `wanted a header of ${HEADER_BYTES} bytes, the file has ${length}`);
  }
  reader.want(at.coinId, 'coin id', coinId, reader.u16BE(at.coinId));
  const encryption = reader.u8(at.encryption);
  if (encryption === 1 || encryption === 4) {
    reader.refuse(
      at.encryption,
      `the coins are encrypted with a password (type ${encryption}): ` +
        'save them without one in the program that wrote the file',
    );
  }
  reader.want(at.encryption, 'encryption', 0, encryption);
  const flag = reader.u8(at.proposals);
  if (flag > 1) reader.refuse(at.proposals, `flag of proposed ANs: wanted 0 or 1, got ${flag}`);
  const count = reader.u16BE(at.count);
  if (count < 1 || count > FILE_COINS_MAX) {
    reader.refuse(at.count, `coin count: wanted 1 to ${FILE_COINS_MAX}, got ${count}`);
  }
  return { count, proposals: flag === 1 };
}

function parseCoins(reader: Reader, coinId: number): FileCoin[] {
  const { count, proposals } = readHeader(reader, coinId);
  const coinBytes = COIN_HEADER_BYTES + KEYS_BYTES * (proposals ? 2 : 1);
  const wanted = HEADER_BYTES + count * coinBytes;
  const length = reader.bytes.length;
  const coins = count === 1 ? '1 coin' : `${count} coins`;
  if (length < wanted) reader.refuse(length, `wanted ${wanted} bytes for ${coins}, got ${length}`);
  if (length > wanted) {
    reader.refuse(wanted, `wanted nothing after ${coins}, got ${length - wanted} more bytes`);
  }
  const list: FileCoin[] = [];
  const seen = new Set<number>();
  for (let index = 0; index < count; index++) {
    const offset = HEADER_BYTES + index * coinBytes;
    const coin = readCoin(reader, offset, proposals);
    if (seen.has(coinNumber(coin))) {
      const { denomination, serialNumber } = coin;
      reader.refuse(
        offset + 2,
        `denomination ${denomination}, serial number ${serialNumber} is in the file twice`,
      );
    }
    seen.add(coinNumber(coin));
    list.push(coin);
  }
  const only = list[0];
  if (only && count === 1) only.results = parseResults(reader.bytes);
  return list;
}

function parseKeyFile(reader: Reader, coinId: number): FileCoin {
  // A name of another form gives no number at all, which is no denomination.
  const [, hex = '', decimal = ''] = KEY_FILE_NAME.exec(reader.name) ?? [];
  const byte = Number.parseInt(hex, 16);
  const denomination = byte > 127 ? byte - 256 : byte;
  const serialNumber = Number(decimal);
  if (!isDenomination(denomination) || !isSerialNumber(serialNumber)) {
    reader.refuse(
      0,
      'wanted a denomination (f8 to 06) and a serial number in the name of a key file ' +
        'of 440 bytes, such as 00.2100.bin',
    );
  }
  reader.want(at.coinId, 'coin id', coinId, reader.u16BE(at.coinId));
  const authenticationNumbers = reader.bytes.slice(KEY_FILE_KEYS, KEY_FILE_KEYS + KEYS_BYTES);
  return { denomination, serialNumber, authenticationNumbers };
}

/**
 * Reads a coin file (format 9) or a key file (440 bytes). `name` is the file's name, which names
 * the coin of a key file and stands in error messages; a path before it is allowed. The result owns
 * its bytes. Throws CoinFileError and nothing else.
 */
export function parseCoinFile(
  bytes: Uint8Array,
  name: string,
  coinId: number = CLOUD_COIN_ID,
): CoinFile {
  const reader: Reader = new Reader(bytes, name);
  const format = bytes[0];
  if (format === undefined) reader.refuse(0, 'wanted a coin file, the file is empty');
  const isKeyFile = bytes.length === KEY_FILE_BYTES;
  if (isKeyFile && (format !== FORMAT || KEY_FILE_NAME.test(name))) {
    return { kind: 'key', coinId, coins: [parseKeyFile(reader, coinId)] };
  }
  if (format !== FORMAT) {
    reader.refuse(0, `wanted format ${FORMAT}, or a key file of 440 bytes, got format ${format}`);
  }
  return { kind: 'coins', coinId, coins: parseCoins(reader, coinId) };
}

function checkCoins(coins: readonly FileCoin[], name: string): void {
  const refuse = (problem: string): never => {
    throw new CoinFileError(name, 0, problem);
  };
  if (coins.length < 1 || coins.length > FILE_COINS_MAX) {
    refuse(`wanted 1 to ${FILE_COINS_MAX} coins to write, got ${coins.length}`);
  }
  const numbers = new Set(coins.map(coinNumber));
  if (numbers.size !== coins.length) refuse('wanted each coin once');
  for (const coin of coins) {
    if (!isDenomination(coin.denomination) || !isSerialNumber(coin.serialNumber)) {
      refuse(`no coin has denomination ${coin.denomination}, serial number ${coin.serialNumber}`);
    }
    for (const keys of [coin.authenticationNumbers, coin.proposedNumbers]) {
      if (keys && keys.length !== KEYS_BYTES) refuse(`wanted 400 key bytes, got ${keys.length}`);
    }
  }
}

/**
 * The name that the clients give a file with these coins: `<value> CloudCoin #<serial number>
 * '<tag>'.bin` for one, `<total> CloudCoin #<count> '<tag>'.bin` for several.
 */
export function coinFileName(coins: readonly Coin[], tag = ''): string {
  const plain = tag.replace(/[^\p{L}\p{N} ._-]/gu, '').slice(0, TAG_CHARACTERS_MAX);
  const [first] = coins;
  const number = coins.length === 1 && first ? first.serialNumber : coins.length;
  return `${formatFileValue(totalUnits(coins))} CloudCoin #${number} '${plain}'.bin`;
}

/**
 * Writes one file with all the coins, without encryption. If any coin has proposed ANs, all get the
 * field (the ANs again where there is no proposal), so an unfinished change of ownership travels
 * whole. Throws CoinFileError for no coins, too many, the same coin twice or an impossible coin.
 */
export function formatCoinFile(
  coins: readonly FileCoin[],
  { tag = '', coinId = CLOUD_COIN_ID }: CoinFileOptions = {},
): NamedFile {
  checkCoins(coins, 'coin file to write');
  const proposals = coins.some((coin) => coin.proposedNumbers);
  const coinBytes = COIN_HEADER_BYTES + KEYS_BYTES * (proposals ? 2 : 1);
  const bytes = new Uint8Array(HEADER_BYTES + coins.length * coinBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = FORMAT;
  bytes[1] = RESERVED;
  view.setUint16(at.coinId, coinId);
  view.setUint16(at.count, coins.length);
  bytes[at.proposals] = proposals ? 1 : 0;
  if (coins.length === 1) emitResults(coins[0]?.results ?? [], bytes);
  else bytes.set(new TextEncoder().encode(MANY_COINS_TEXT), at.results);
  for (const [index, coin] of coins.entries()) {
    const offset = HEADER_BYTES + index * coinBytes;
    const keys = offset + COIN_HEADER_BYTES;
    view.setInt8(offset + 2, coin.denomination);
    view.setUint32(offset + 3, coin.serialNumber);
    bytes.set(coin.authenticationNumbers, keys);
    if (proposals) {
      bytes.set(coin.proposedNumbers ?? coin.authenticationNumbers, keys + KEYS_BYTES);
    }
  }
  return { name: coinFileName(coins, tag), bytes };
}

/** Writes the 440-byte key file of one coin, as servers keep them. Throws CoinFileError. */
export function formatKeyFile(coin: CoinKeys, coinId: number = CLOUD_COIN_ID): NamedFile {
  checkCoins([coin], 'key file to write');
  const bytes = new Uint8Array(KEY_FILE_BYTES);
  new DataView(bytes.buffer).setUint16(at.coinId, coinId);
  bytes.set(coin.authenticationNumbers, KEY_FILE_KEYS);
  const denomination = (coin.denomination & 0xff).toString(16).padStart(2, '0');
  return { name: `${denomination}.${coin.serialNumber}.bin`, bytes };
}
