/** Group 3, Executive: commands under the admin key (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import {
  anyOffer,
  as,
  detect,
  flags,
  freeAfterwards,
  makeCoins,
  NO_PAGE,
  names,
  parseOffer,
  pown,
  reserve,
  wantFree,
  withAns,
} from '../coins.ts';
import type { Conversation, Expected } from '../conversation.ts';
import { ADMIN_KEY, DENOMINATION_LEAST, PAGE_RECORDS } from '../state.ts';
import { i8, join, u32 } from '../wire.ts';
import { audit } from './facts.ts';

const S = Status;

/** Is the server on this machine? It then takes an admin key in clear. */
function isLocal(talk: Conversation): boolean {
  return /^(127\.|localhost$|::1$)/.test(talk.subject.target.host);
}

async function admin(talk: Conversation, command: number, payload: Buffer, expected: Expected) {
  return await talk.ask({ group: 3, command, payload, encryption: talk.sealed() }, expected);
}

const session = (talk: Conversation) => talk.bytes('session', 4);
const wrongKey = (talk: Conversation) => talk.bytes('admin', 16);

/** Payloads of the five commands under a key. */
const payloads: readonly (readonly [number, (talk: Conversation, key: Buffer) => Buffer])[] = [
  [120, (talk, key) => join(session(talk), key, flags(0))],
  [130, (talk, key) => join(session(talk), key, names([talk.freeCoin(0)]))],
  [140, (talk, key) => join(key, withAns([as(talk.coin(0), talk.newAn(0))]))],
  [150, (talk, key) => join(session(talk), key, names([talk.freeCoin(0)]))],
  [160, (_, key) => join(key, i8(0))],
];

const keyRows: CaseRow[] = payloads.flatMap(([command, make]): CaseRow[] => [
  [
    `${command}/wrong-key`,
    'another admin key is refused with 38',
    async (talk) =>
      void (await admin(talk, command, make(talk, wrongKey(talk)), { status: S.ADMIN_AUTH })),
  ],
  [
    `${command}/key-last-byte`,
    'the last byte of the admin key counts',
    async (talk) => {
      const key = Buffer.from(ADMIN_KEY);
      key[15]! ^= 0x80;
      await admin(talk, command, make(talk, key), { status: S.ADMIN_AUTH });
    },
  ],
]);

const RESERVED = { section: '7, 9 Executive' } as const;

const rows: CaseRow[] = [
  [
    '120/offers',
    'an offer names the denomination asked for, and free serial numbers',
    async (talk) => {
      const coins = await reserve(talk, session(talk), -7, 4);
      if (coins.some(({ denomination }) => denomination !== -7)) talk.fail('another denomination');
      wantFree(talk, coins);
    },
    RESERVED,
  ],
  [
    '120/reserves',
    'a second offer has no serial number of the first',
    async (talk) => {
      const request = join(session(talk), ADMIN_KEY, flags(-6));
      const seen = new Set<number>();
      for (let i = 0; i < 2; i++) {
        const expected = { status: S.SUCCESS, payload: anyOffer };
        const offer = parseOffer((await admin(talk, 120, request, expected)).payload);
        for (const { serialNumber } of offer as Exclude<typeof offer, string>) {
          if (seen.has(serialNumber)) talk.fail(`serial number ${serialNumber} offered twice`);
          seen.add(serialNumber);
        }
      }
    },
    RESERVED,
  ],
  [
    '120/no-flags',
    'without flags nothing is offered',
    async (talk) => {
      const payload = join(session(talk), ADMIN_KEY, flags());
      await admin(talk, 120, payload, { status: S.SUCCESS });
    },
  ],
  [
    '130/creates',
    'created coins have MD5 of server number, serial number and admin key in hex as AN',
    async (talk) => await detect(talk, await makeCoins(talk, -5, 3)),
    { note: 'public servers hash bytes of the coin list in place of the key (defect 16)' },
  ],
  [
    '130/circulates',
    'a created coin can be powned',
    async (talk) => {
      const [coin] = await makeCoins(talk, -4, 1);
      await pown(talk, [[coin!, talk.newAn(0)]]);
      await detect(talk, [as(coin!, talk.newAn(0))]);
    },
    { note: 'public servers hash bytes of the coin list in place of the key (defect 16)' },
  ],
  [
    '130/not-reserved',
    'a page that the session has not reserved is refused with 41',
    async (talk) => {
      const payload = join(session(talk), ADMIN_KEY, names([talk.freeCoin(0)]));
      await admin(talk, 130, payload, { status: S.PAGE_NOT_RESERVED });
    },
    RESERVED,
  ],
  [
    '130/other-session',
    'a page that another session has reserved is refused with 41',
    async (talk) => {
      const [coin] = await reserve(talk, session(talk), -3, 1);
      const payload = join(talk.bytes('other', 4), ADMIN_KEY, names([coin!]));
      await admin(talk, 130, payload, { status: S.PAGE_NOT_RESERVED });
    },
    RESERVED,
  ],
  ...[0, 0xeeeeeeee].map(
    (number): CaseRow => [
      `130/session-${number.toString(16)}`,
      `session ${number.toString(16).padStart(8, '0')} has reserved nothing: 41`,
      async (talk) => {
        const payload = join(u32(number), ADMIN_KEY, names([talk.freeCoin(0)]));
        freeAfterwards(talk, [talk.freeCoin(0)]);
        await admin(talk, 130, payload, { status: S.PAGE_NOT_RESERVED });
      },
      { section: '7, 11', note: 'a bypass on public servers (defects 11 and 16)' },
    ],
  ),
  [
    '140/deletes',
    'a deleted coin is no longer authentic',
    async (talk) => {
      const coins = await makeCoins(talk, -2, 2);
      await admin(talk, 140, join(ADMIN_KEY, withAns(coins)), { status: S.ALL_PASS });
      await detect(talk, coins, S.ALL_FAIL);
    },
    {
      section: '7, 9 Executive',
      level: 'SHOULD',
      note: 'ours: public servers let deleted coins live on',
    },
  ],
  [
    '140/fail',
    'a coin with another AN is not deleted: 242',
    async (talk) => {
      const payload = join(ADMIN_KEY, withAns([as(talk.coin(0), talk.newAn(0))]));
      await admin(talk, 140, payload, { status: S.ALL_FAIL });
      await detect(talk, [talk.coin(0)]);
    },
  ],
  [
    '140/mixed',
    'some of two: 243 with the bitmap',
    async (talk) => {
      const [coin] = await makeCoins(talk, -1, 1);
      const list = withAns([as(talk.coin(0), talk.newAn(0)), coin!]);
      const expected = { status: S.MIXED, payload: Uint8Array.of(0b10) };
      await admin(talk, 140, join(ADMIN_KEY, list), expected);
    },
    { note: 'rests on the AN of created coins (defect 16 of public servers)' },
  ],
  [
    '150/frees',
    'a freed coin is no longer authentic',
    async (talk) => {
      const coins = await makeCoins(talk, 0, 2);
      const payload = join(u32(0), ADMIN_KEY, names(coins));
      await admin(talk, 150, payload, { status: S.SUCCESS });
      await detect(talk, coins, S.ALL_FAIL);
    },
    {
      section: '7, 9 Executive',
      level: 'SHOULD',
      note: 'ours: public servers let freed coins live on',
    },
  ],
  [
    '150/unknown-page',
    'coins on no page are skipped',
    async (talk) => {
      const payload = join(u32(0), ADMIN_KEY, names([NO_PAGE]));
      await admin(talk, 150, payload, { status: S.SUCCESS });
    },
  ],
  [
    '160/bitmap',
    'all serial numbers: denomination, count of bytes, a bit for each record in use',
    async (talk) => {
      const check = (came: Buffer) => {
        if (came.length < 5 + PAGE_RECORDS / 8) return 'too short';
        return join(i8(0), u32(came.length - 5), came.subarray(5));
      };
      const expected = { status: S.SUCCESS, payload: check };
      const { payload } = await admin(talk, 160, join(ADMIN_KEY, i8(0)), expected);
      const isSet = (sn: number) => ((payload[5 + (sn >> 3)] ?? 0) >> (sn & 7)) & 1;
      for (const { serialNumber } of talk.coins(8)) {
        if (!isSet(serialNumber)) talk.fail(`serial number ${serialNumber}: in use, bit 0`);
      }
      const free = talk.freeCoin(0).serialNumber;
      if (isSet(free)) talk.fail(`serial number ${free}: free, bit 1`);
      let bits = 0;
      for (const byte of payload.subarray(5)) bits += byte.toString(2).replaceAll('0', '').length;
      const count = (await audit(talk))[-DENOMINATION_LEAST];
      if (bits !== count) talk.fail(`${bits} bits, and ${count} coins in use by 0/3`);
    },
    { transports: ['tcp'] },
  ],
  ...[7, -9].map(
    (denomination): CaseRow => [
      `160/denomination${denomination}`,
      `denomination ${denomination} is refused with 40`,
      async (talk) => {
        const payload = join(ADMIN_KEY, i8(denomination));
        await admin(talk, 160, payload, { status: S.INVALID_SN_OR_DENOMINATION });
      },
    ],
  ),
  [
    '160/clear-key',
    'an admin key in clear is taken from the same machine',
    async (talk) => {
      if (!isLocal(talk)) talk.inapplicable('the server is on another machine');
      const payload = join(ADMIN_KEY, i8(7));
      const expected = { status: S.INVALID_SN_OR_DENOMINATION };
      await talk.ask({ group: 3, command: 160, payload }, expected);
    },
  ],
  [
    '160/clear-key-refused',
    'an admin key in clear is refused from another machine: 38',
    async (talk) => {
      if (isLocal(talk)) talk.inapplicable('the server is on this machine');
      const payload = join(ADMIN_KEY, i8(7));
      await talk.ask({ group: 3, command: 160, payload }, { status: S.ADMIN_AUTH });
    },
    { section: '11', level: 'SHOULD', note: 'ours: unless the operator allows it (defect 29)' },
  ],
];

export const executiveCases: ConformanceCase[] = casesOf('raida/3', { section: '9 Executive' }, [
  ...keyRows,
  ...rows,
]);
