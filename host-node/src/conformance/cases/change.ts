/** Group 9, Change: serial numbers for change, break, join (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import {
  as,
  detect,
  freeAfterwards,
  makeCoins,
  NO_PAGE,
  pause,
  wantFree,
  withAns,
} from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { PAGE_RECORDS } from '../state.ts';
import { type Coin, i8, join, type KnownCoin, u32 } from '../wire.ts';

const S = Status;
const BREAK = 1;
const JOIN = 2;
const OFFERED_MAX = 64;
/** A client holds at most 8 pages for 16 s; an offer may have to wait for that. */
const OFFER_TRIES = 18;
const OFFER_PAUSE_MS = 1000;

const OURS: Partial<ConformanceCase> = {
  level: 'SHOULD',
  section: '7, 9 Change',
  note: 'ours: 9/91 reserves for break and join; on public servers they work with session 0 alone',
};

const session = (talk: Conversation) => talk.bytes('session', 4);

/** Right if it is the target and whole serial numbers, 64 at most. */
function offerOf(target: number) {
  return (came: Buffer): Buffer | string => {
    if (came.length % 4 !== 1) return `${came.length} bytes are no denomination and whole numbers`;
    if ((came.length - 1) / 4 > OFFERED_MAX) return `more than ${OFFERED_MAX} serial numbers`;
    return join(i8(target), came.subarray(1));
  };
}

/** Free serial numbers of the denomination below (break) or above (join). */
async function available(
  talk: Conversation,
  [operation, denomination]: readonly [number, number],
): Promise<Coin[]> {
  const target = operation === BREAK ? denomination - 1 : denomination + 1;
  const payload = join(session(talk), Uint8Array.of(operation), i8(denomination));
  const expected = { status: S.SUCCESS, payload: offerOf(target) };
  for (let i = 0; i < OFFER_TRIES; i++) {
    const { payload: came } = await talk.ask({ group: 9, command: 91, payload }, expected);
    const coins: Coin[] = [];
    for (let at = 1; at < came.length; at += 4) {
      coins.push({ denomination: target, serialNumber: came.readUInt32BE(at) });
    }
    if (coins.length >= 10) return coins;
    await pause(OFFER_PAUSE_MS);
  }
  return talk.fail(`9/91 offers no ten serial numbers of denomination ${target}`);
}

/** Session, one coin with its AN, ten coins with theirs. */
const changePayload = (number: Buffer, one: KnownCoin, ten: readonly KnownCoin[]) =>
  join(number, withAns([one]), withAns(ten));

async function change(
  talk: Conversation,
  [command, payload]: readonly [number, Buffer],
  status: number,
): Promise<void> {
  const request = talk.build({ group: 9, command, payload });
  const statuses = status === S.REQUEST_RATE ? [status] : [status, S.REQUEST_RATE];
  const reply = await talk.askBytes(request, { status: statuses });
  if (reply.status !== status) talk.inapplicable('the server limits the rate of breaks (160)');
}

const named = (talk: Conversation, coins: readonly Coin[]): KnownCoin[] =>
  coins.slice(0, 10).map((coin, i) => ({ ...coin, an: talk.newAn(i) }));

/** Ten free records of a denomination, that nobody has reserved. */
const tenFree = (talk: Conversation, denomination: number): KnownCoin[] =>
  Array.from({ length: 10 }, (_, i) => as(talk.freeCoin(i, denomination), talk.newAn(i)));

const availableRows: CaseRow[] = [
  [
    '91/break',
    'break asks for the denomination below: up to 64 free serial numbers',
    async (talk) => {
      const coins = await available(talk, [BREAK, 1]);
      wantFree(talk, coins);
    },
    { note: 'public servers offer coins in use (defect 7)' },
  ],
  [
    '91/join',
    'join asks for the denomination above',
    async (talk) => {
      const coins = await available(talk, [JOIN, 1]);
      const serials = new Set(coins.map(({ serialNumber }) => serialNumber));
      if (serials.size !== coins.length) talk.fail('a serial number is offered twice');
    },
  ],
  ...[0, 3, 255].map(
    (operation): CaseRow => [
      `91/operation-${operation}`,
      `there is no operation ${operation}: 198`,
      async (talk) => {
        const payload = join(session(talk), Uint8Array.of(operation, 1));
        await talk.ask({ group: 9, command: 91, payload }, { status: S.INVALID_PARAMETER });
      },
    ],
  ),
  ...[
    [BREAK, 7, 'above-all'],
    [BREAK, -8, 'nothing-below'],
    [JOIN, 6, 'nothing-above'],
    [JOIN, -10, 'below-all'],
  ].map(
    ([operation, denomination, name]): CaseRow => [
      `91/${name}`,
      `${operation === BREAK ? 'break' : 'join'} of denomination ${denomination}: 40`,
      async (talk) => {
        const payload = join(session(talk), i8(operation as number), i8(denomination as number));
        await talk.ask(
          { group: 9, command: 91, payload },
          { status: S.INVALID_SN_OR_DENOMINATION },
        );
      },
    ],
  ),
];

const breakRows: CaseRow[] = [
  [
    '92/breaks',
    'one coin becomes ten, and is no more',
    async (talk) => {
      const [one] = await makeCoins(talk, 4, 1);
      const ten = named(talk, await available(talk, [BREAK, 4]));
      freeAfterwards(talk, ten);
      await change(talk, [92, changePayload(session(talk), one!, ten)], S.SUCCESS);
      await detect(talk, ten);
      await detect(talk, [one!], S.ALL_FAIL);
    },
    OURS,
  ],
  [
    '92/all-or-nothing',
    'one wrong target of ten: 40, and nothing changes',
    async (talk) => {
      const one = talk.coin(0, 3);
      const ten = named(talk, await available(talk, [BREAK, 3]));
      ten[9] = { ...ten[9]!, denomination: 3 };
      freeAfterwards(talk, ten);
      const payload = changePayload(session(talk), one, ten);
      await change(talk, [92, payload], S.INVALID_SN_OR_DENOMINATION);
      await detect(talk, [one]);
      await detect(talk, ten.slice(0, 9), S.ALL_FAIL);
    },
    {
      ...OURS,
      note: 'rests on reservations; public servers deduct before all are checked (defect 35)',
    },
  ],
  [
    '92/wrong-an',
    'a coin with another AN: 242',
    async (talk) => {
      const one = as(talk.coin(0, 1), talk.newAn('wrong'));
      await change(talk, [92, changePayload(session(talk), one, tenFree(talk, 0))], S.ALL_FAIL);
    },
  ],
  [
    '92/not-reserved',
    'a page that the session has not reserved: 41',
    async (talk) => {
      const one = talk.coin(0, 1);
      const payload = changePayload(session(talk), one, tenFree(talk, 0));
      await change(talk, [92, payload], S.PAGE_NOT_RESERVED);
      await detect(talk, [one]);
    },
  ],
  [
    '92/session-0',
    'session 0 has reserved nothing: 41',
    async (talk) => {
      const one = talk.coin(0, 1);
      const payload = changePayload(u32(0), one, tenFree(talk, 0));
      await change(talk, [92, payload], S.PAGE_NOT_RESERVED);
      await detect(talk, [one]);
    },
    { section: '7, 11', note: 'public servers take it for reserved (defect 11)' },
  ],
  [
    '92/denomination',
    'a coin of no denomination: 40',
    async (talk) => {
      const one = { ...talk.coin(0), denomination: 7 };
      const payload = changePayload(session(talk), one, tenFree(talk, 0));
      await change(talk, [92, payload], S.INVALID_SN_OR_DENOMINATION);
    },
  ],
  [
    '92/lowest',
    'the lowest denomination cannot be broken: 40',
    async (talk) => {
      const payload = changePayload(session(talk), talk.coin(0, -8), tenFree(talk, -8));
      await change(talk, [92, payload], S.INVALID_SN_OR_DENOMINATION);
    },
    { level: 'SHOULD', note: 'any refusal keeps the coin; the reference says 40 of denominations' },
  ],
  [
    '92/other-session',
    'the reservation of another session does not serve: 41',
    async (talk) => {
      const ten = named(talk, await available(talk, [BREAK, 2]));
      const payload = changePayload(talk.bytes('other', 4), talk.coin(0, 2), ten);
      await change(talk, [92, payload], S.PAGE_NOT_RESERVED);
      await detect(talk, [talk.coin(0, 2)]);
    },
    OURS,
  ],
  [
    '92/target-in-use',
    'a coin in use is not overwritten by a break',
    async (talk) => {
      const offered = await available(talk, [BREAK, -1]);
      const page = Math.floor(offered[0]!.serialNumber / PAGE_RECORDS);
      const victim = talk.stateCoin({ denomination: -2, serialNumber: page * PAGE_RECORDS + 511 });
      const ten = named(talk, offered);
      ten[4] = as(victim, talk.newAn(4));
      const payload = changePayload(session(talk), talk.coin(0, -1), ten);
      const refused = [S.PAGE_NOT_RESERVED, S.INVALID_SN_OR_DENOMINATION, S.ALL_FAIL];
      const request = { group: 9, command: 92, payload };
      await talk.ask(request, { status: refused });
      await detect(talk, [victim, talk.coin(0, -1)]);
    },
    {
      ...OURS,
      section: '7, 11',
      note: 'public servers do not check (defect 33); the status is open',
    },
  ],
];

const joinRows: CaseRow[] = [
  [
    '93/joins',
    'ten coins become one in circulation, and are no more',
    async (talk) => {
      const ten = await makeCoins(talk, 2, 10);
      const [offered] = await available(talk, [JOIN, 2]);
      const one = { ...offered!, an: talk.newAn('one') };
      freeAfterwards(talk, [one]);
      await change(talk, [93, changePayload(session(talk), one, ten)], S.SUCCESS);
      await detect(talk, [one]);
      await detect(talk, ten, S.ALL_FAIL);
    },
    { ...OURS, note: `${OURS.note}, and leave the new coin with MFS 0 (defect 33)` },
  ],
  [
    '93/all-or-nothing',
    'one wrong AN of ten, or one coin ten times: refused, and nothing changes',
    async (talk) => {
      const ten = talk.coins(10, 4);
      const wrong = [...ten.slice(0, 9), as(ten[9]!, talk.newAn('wrong'))];
      const [offered] = await available(talk, [JOIN, 4]);
      const one = { ...offered!, an: talk.newAn('one') };
      freeAfterwards(talk, [one]);
      await change(talk, [93, changePayload(session(talk), one, wrong)], S.ALL_FAIL);
      const same = Array.from({ length: 10 }, () => ten[0]!);
      const refused = [S.ALL_FAIL, S.INVALID_SN_OR_DENOMINATION, S.INVALID_PARAMETER];
      const payload = changePayload(session(talk), one, same);
      await talk.ask({ group: 9, command: 93, payload }, { status: refused });
      await detect(talk, ten);
      await detect(talk, [one], S.ALL_FAIL);
    },
    OURS,
  ],
  [
    '93/not-reserved',
    'a page that the session has not reserved: 41',
    async (talk) => {
      const ten = talk.coins(10);
      const one = as(talk.freeCoin(0, 1), talk.newAn('one'));
      await change(talk, [93, changePayload(session(talk), one, ten)], S.PAGE_NOT_RESERVED);
      await detect(talk, talk.coins(10));
    },
  ],
  [
    '93/session-0',
    'session 0 has reserved nothing: 41',
    async (talk) => {
      const ten = talk.coins(10);
      const one = as(talk.freeCoin(0, 1), talk.newAn('one'));
      await change(talk, [93, changePayload(u32(0), one, ten)], S.PAGE_NOT_RESERVED);
      await detect(talk, talk.coins(10));
    },
    { section: '7, 11', note: 'public servers take it for reserved (defect 11)' },
  ],
  [
    '93/unknown-page',
    'a new coin on no page is refused',
    async (talk) => {
      const ten = talk.coins(10);
      const one = { ...NO_PAGE, denomination: 1, an: talk.newAn('one') };
      const payload = changePayload(session(talk), one, ten);
      const refused = [S.PAGE_NOT_RESERVED, S.INVALID_SN_OR_DENOMINATION];
      await talk.ask({ group: 9, command: 93, payload }, { status: refused });
      await detect(talk, talk.coins(10));
    },
  ],
];

export const changeCases: ConformanceCase[] = casesOf('raida/9', { section: '9 Change' }, [
  ...availableRows,
  ...breakRows,
  ...joinRows,
]);
