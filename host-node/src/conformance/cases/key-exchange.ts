/** Group 4, Key exchange (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { as, detect, NO_PAGE, sized } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { FILE_COINS, stateAn } from '../state.ts';
import {
  aesCtr,
  type Coin,
  coinName,
  i8,
  join,
  type KnownCoin,
  sha256,
  u16,
  xor,
} from '../wire.ts';

const S = Status;
const ZERO_BLOCK = Buffer.alloc(16);

/** A key file's name: new in every run where that matters. */
const freshId = () => sha256(`${Date.now()}:${process.hrtime.bigint()}`).subarray(0, 16);

interface Post {
  id: Buffer;
  coin: Coin;
  data: Buffer;
  start: number;
  length: number;
}

function postPayload({ id, coin, data, start, length }: Post): Buffer {
  return join(id, Buffer.alloc(16), coinName(coin), data, Uint8Array.of(start, length));
}

function postOf(talk: Conversation, more: Partial<Post> = {}): Post {
  const data = join(...[0, 1, 2, 3].map((i) => talk.bytes(`data:${i}`, 32)));
  return { id: talk.bytes('id', 16), coin: talk.keyCoin, data, start: 3, length: 16, ...more };
}

/** Posts as the coin's owner, who may replace the file. */
async function post(talk: Conversation, value: Post, status: number): Promise<void> {
  const request = { group: 4, command: 41, payload: postPayload(value) };
  await talk.ask({ ...request, encryption: talk.sealed() }, { status });
}

async function get(talk: Conversation, id: Buffer, expected: { status: number; payload?: Buffer }) {
  await talk.ask({ group: 4, command: 43, payload: join(id, Buffer.alloc(21)) }, expected);
}

const stored = ({ coin, data, start, length }: Post) =>
  join(coinName(coin), data.subarray(start, start + length));

async function postAndGet(talk: Conversation, value: Post): Promise<void> {
  await post(talk, value, S.SUCCESS);
  await get(talk, value.id, { status: S.SUCCESS, payload: stored(value) });
}

const fileRows: CaseRow[] = [
  [
    '41/post-and-get',
    'a part of the data is stored behind the coin',
    async (talk) => postAndGet(talk, postOf(talk)),
  ],
  [
    '41/start-0',
    'a part may begin at 0',
    async (talk) => postAndGet(talk, postOf(talk, { start: 0, length: 1 })),
  ],
  [
    '41/length-0',
    'a part may be empty',
    async (talk) => postAndGet(talk, postOf(talk, { length: 0 })),
  ],
  [
    '41/127-bytes',
    'start and length up to 127',
    async (talk) => postAndGet(talk, postOf(talk, { start: 100, length: 27 })),
  ],
  [
    '41/128-bytes',
    'start and length of 128 are refused with 196',
    async (talk) => post(talk, postOf(talk, { start: 0, length: 128 }), S.INVALID_KEY_LENGTH),
  ],
  [
    '41/start-and-length',
    'their sum counts: 196',
    async (talk) => post(talk, postOf(talk, { start: 101, length: 27 }), S.INVALID_KEY_LENGTH),
  ],
  [
    '41/no-wrap',
    'the sum does not wrap at 256: 196',
    async (talk) => post(talk, postOf(talk, { start: 255, length: 2 }), S.INVALID_KEY_LENGTH),
  ],
  [
    '41/replaces-whole',
    'a shorter file replaces a longer one whole',
    async (talk) => {
      await postAndGet(talk, postOf(talk, { length: 40 }));
      await postAndGet(talk, postOf(talk, { length: 4 }));
    },
    { note: 'public servers do not truncate (defect 30)' },
  ],
  [
    '41/clear',
    'a new file may be posted in clear',
    async (talk) => {
      const value = postOf(talk, { id: freshId() });
      const request = { group: 4, command: 41, payload: postPayload(value) };
      await talk.ask(request, { status: S.SUCCESS });
      await get(talk, value.id, { status: S.SUCCESS, payload: stored(value) });
    },
  ],
  [
    '41/others-file',
    'a file is replaced only under the coin that it names: 194',
    async (talk) => {
      const value = postOf(talk);
      await postAndGet(talk, value);
      const payload = postPayload({ ...value, start: 9 });
      await talk.ask({ group: 4, command: 41, payload }, { status: S.FILESYSTEM });
      const other = { type: 1 as const, coin: talk.coin(6) };
      await talk.ask(
        { group: 4, command: 41, payload, encryption: other },
        { status: S.FILESYSTEM },
      );
      await get(talk, value.id, { status: S.SUCCESS, payload: stored(value) });
    },
    { section: '11', level: 'SHOULD', note: 'ours: on public servers anyone may (defect 30)' },
  ],
  [
    '43/missing',
    'a file that is not there: 194',
    async (talk) => get(talk, talk.bytes('nothing', 16), { status: S.FILESYSTEM }),
  ],
  [
    '43/rest-ignored',
    'the 21 bytes behind the name are ignored',
    async (talk) => {
      const value = postOf(talk);
      await post(talk, value, S.SUCCESS);
      const payload = join(value.id, talk.bytes('rest', 21));
      const expected = { status: S.SUCCESS, payload: stored(value) };
      await talk.ask({ group: 4, command: 43, payload }, expected);
    },
  ],
  [
    '42/any-body',
    'key alert takes anything',
    async (talk) =>
      void (await talk.ask(
        { group: 4, command: 42, payload: talk.bytes('x', 9) },
        { status: S.SUCCESS },
      )),
  ],
  [
    '42/no-body',
    'key alert needs no body',
    async (talk) =>
      void (await talk.ask({ group: 4, command: 42, payload: null }, { status: S.SUCCESS })),
  ],
];

/** Recipient alone: two answers have two keys, and neither is zero. */
async function sessionKey(talk: Conversation): Promise<void> {
  const recipient = talk.coin(0, 1);
  const request = { group: 4, command: 44, payload: coinName(recipient) };
  const expected = { status: S.OK, payload: (came: Buffer) => sized(came, 16) };
  const one = await talk.ask(request, expected);
  const other = await talk.ask(request, expected);
  if (one.payload.equals(other.payload)) talk.fail('the same key twice');
  const keys = [one, other].map(({ payload }) => xor(payload, recipient.an));
  if (keys.some((key) => key.equals(ZERO_BLOCK))) talk.fail('a key of zeros');
}

/** The form with the recipient alone is the specification's, and public servers have it not. */
const SPEC_FORM: Partial<ConformanceCase> = { wires: ['spec'] };
const NOT_PUBLIC: Partial<ConformanceCase> = {
  wires: ['legacy'],
  level: 'SHOULD',
  note: 'public servers take 31 bytes only and answer 16 (section 10, point 16)',
};
const SESSION_KEY = 'the recipient alone: a new key, XOR the AN of the recipient, status 0';

/** A recipient on no page, in a payload of that size. */
function noRecipient(bytes: number) {
  return async (talk: Conversation) => {
    const payload = join(coinName(NO_PAGE), Buffer.alloc(bytes - 5));
    await talk.ask({ group: 4, command: 44, payload }, { status: S.INVALID_SN_OR_DENOMINATION });
  };
}

const NO_RECIPIENT = 'a recipient on no page: 40';

const encryptRows: CaseRow[] = [
  ['44/session-key', SESSION_KEY, sessionKey, SPEC_FORM],
  ['44/session-key-legacy', SESSION_KEY, sessionKey, NOT_PUBLIC],
  ['44/unknown-page-5', NO_RECIPIENT, noRecipient(5), SPEC_FORM],
  ['44/unknown-page-5-legacy', NO_RECIPIENT, noRecipient(5), NOT_PUBLIC],
  ['44/unknown-page-13', NO_RECIPIENT, noRecipient(13)],
  [
    '44/key-part',
    'recipient and key part: part, coin, two random bytes and ff under the AN of the recipient',
    async (talk) => {
      const recipient = talk.coin(0, 1);
      const part = talk.bytes('part', 8);
      const check = (came: Buffer) => {
        if (came.length !== 16) return sized(came, 16);
        const clear = aesCtr(recipient.an, ZERO_BLOCK, came);
        const right = join(part, coinName(recipient), clear.subarray(13, 15), Uint8Array.of(0xff));
        return aesCtr(recipient.an, ZERO_BLOCK, right);
      };
      const payload = join(coinName(recipient), part);
      await talk.ask({ group: 4, command: 44, payload }, { status: S.OK, payload: check });
    },
  ],
  ...[4, 6, 12, 14].map(
    (bytes): CaseRow => [
      `44/size-${bytes}`,
      `a payload of ${bytes} bytes is refused with 16`,
      async (talk) => {
        const expected = { status: S.INVALID_PACKET_LENGTH };
        await talk.ask({ group: 4, command: 44, payload: Buffer.alloc(bytes) }, expected);
      },
    ],
  ),
];

interface KeyRecord {
  split: number;
  raida: number;
  coin: Coin;
  half: Buffer;
  /** Byte 15 of what is encrypted. */
  marker?: number;
  /** The coin inside the encrypted part. */
  inner?: Coin;
}

/** Coin id, split, server, shard, denomination, serial number, encrypted key part: 26 bytes. */
function keyRecord(talk: Conversation, record: KeyRecord): Buffer {
  const { split, raida, coin, half, marker = 0xff, inner = coin } = record;
  const key = fileKey(raida);
  const clear = join(half, coinName(inner), Uint8Array.of(0, 0, marker));
  const name = join(u16(talk.subject.coinId), Uint8Array.of(split, raida, 0), coinName(coin));
  return join(name, aesCtr(key, ZERO_BLOCK, clear));
}

const fileCoin = FILE_COINS[0] as Coin;
/** The file's key of a server is the coin's AN there. */
const fileKey = (raida: number) => stateAn(raida, fileCoin);

async function decrypt(talk: Conversation, records: readonly Buffer[], right: readonly number[]) {
  const payload = join(coinName(fileCoin), ...records);
  const expected = { status: S.SUCCESS, payload: Uint8Array.from(right) };
  await talk.ask({ group: 4, command: 45, payload }, expected);
}

const first = (coin: KnownCoin) => coin.an.subarray(0, 8);
const last = (coin: KnownCoin) => coin.an.subarray(8);

/** A record that is refused, between two that are taken and change nothing. */
function refusedRecord(more: (talk: Conversation) => Partial<KeyRecord>) {
  return async (talk: Conversation) => {
    const coin = talk.coin(0);
    const same = { split: 0, raida: talk.raidaId, coin, half: first(coin) };
    const bad = keyRecord(talk, { ...same, half: talk.bytes('half', 8), ...more(talk) });
    const good = keyRecord(talk, same);
    await decrypt(talk, [good, bad, good], [1, 0, 1]);
    await detect(talk, [coin]);
  };
}

const BROKEN = { note: 'public servers answer wrongly and may hang (defects 3 and 4)' };

const decryptRows: CaseRow[] = [
  ...[0, 1].map(
    (split): CaseRow => [
      `45/half-${split}`,
      `a record of split ${split} sets ${split === 0 ? 'the first' : 'the second'} half of an AN`,
      async (talk) => {
        const coin = talk.coin(0);
        const half = talk.bytes('half', 8);
        const own = split === 0 ? first(coin) : last(coin);
        const set = (value: Buffer) =>
          decrypt(talk, [keyRecord(talk, { split, raida: talk.raidaId, coin, half: value })], [1]);
        await set(own);
        await set(half);
        talk.cleanups.push(() => set(own));
        const an = split === 0 ? join(half, last(coin)) : join(first(coin), half);
        await detect(talk, [as(coin, an)]);
      },
      BROKEN,
    ],
  ),
  [
    '45/other-server',
    'the key is that of the server which the record names',
    async (talk) => {
      const coin = talk.coin(0);
      const raida = (talk.raidaId + 5) % 25;
      await decrypt(talk, [keyRecord(talk, { split: 0, raida, coin, half: first(coin) })], [1]);
    },
    BROKEN,
  ],
  [
    '45/marker',
    'a record that does not decrypt to ff at its end fails',
    refusedRecord(() => ({ marker: 0xfe })),
    BROKEN,
  ],
  [
    '45/inner-coin',
    'a record whose inner serial number differs fails',
    refusedRecord((talk) => ({ inner: talk.coin(1) })),
    BROKEN,
  ],
  [
    '45/inner-denomination',
    'a record whose inner denomination differs fails',
    refusedRecord((talk) => ({ inner: talk.coin(0, 1) })),
    BROKEN,
  ],
  ['45/split', 'a record of split 2 fails', refusedRecord(() => ({ split: 2 })), BROKEN],
  ['45/server', 'a record of server 25 fails', refusedRecord(() => ({ raida: 25 })), BROKEN],
  [
    '45/no-file',
    'a coin without a file: 197',
    async (talk) => {
      const payload = join(coinName(talk.coin(1)), Buffer.alloc(26));
      await talk.ask({ group: 4, command: 45, payload }, { status: S.COIN_LOAD });
    },
  ],
  [
    '45/file-of-another-denomination',
    "another denomination's file does not serve: 197",
    async (talk) => {
      const payload = join(i8(2), coinName(fileCoin).subarray(1), Buffer.alloc(26));
      await talk.ask({ group: 4, command: 45, payload }, { status: S.COIN_LOAD });
    },
  ],
];

export const keyExchangeCases: ConformanceCase[] = casesOf(
  'raida/4',
  { section: '9 Key exchange' },
  [...fileRows, ...encryptRows, ...decryptRows],
);
