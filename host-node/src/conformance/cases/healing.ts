/** Group 2, Healing: tickets, find, fix (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { as, NO_PAGE, names, putBack, sized, withAns, withPans } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { i8, join, type KnownCoin, u32 } from '../wire.ts';

const S = Status;
const unknown = { ...NO_PAGE, an: Buffer.alloc(16) };
const FREE = {
  section: '7',
  level: 'SHOULD',
  note: 'ours: public servers never look at MFS',
} as const;

const stranger = (talk: Conversation, coin: KnownCoin) => as(coin, talk.newAn('stranger'));

/** A ticket for coins that are all good. */
async function getTicket(talk: Conversation, coins: readonly KnownCoin[]): Promise<Buffer> {
  const { payload } = await talk.ask(
    { group: 2, command: 40, payload: withAns(coins) },
    { status: S.ALL_PASS, payload: (came) => sized(came, 4) },
  );
  return payload;
}

/** Claims a ticket as that server. */
async function claim(
  talk: Conversation,
  [raida, ticket]: readonly [number, Buffer],
  outcome: { status: number; payload?: Buffer },
): Promise<void> {
  await talk.ask({ group: 2, command: 50, payload: join(i8(raida), ticket) }, outcome);
}

function refusedTicket(make: (talk: Conversation) => KnownCoin[], status: number) {
  return async (talk: Conversation) => {
    await talk.ask({ group: 2, command: 40, payload: withAns(make(talk)) }, { status });
  };
}

const ticketRows: CaseRow[] = [
  [
    '40/pass',
    'all coins good: 241 and a ticket of four bytes',
    async (talk) => void (await getTicket(talk, talk.coins(3))),
  ],
  [
    '40/fail',
    'no coin good: 242 without a ticket',
    refusedTicket((talk) => [stranger(talk, talk.coin(0))], S.ALL_FAIL),
  ],
  [
    '40/mixed',
    'some coins good: 243, the bitmap and a ticket for the good ones',
    async (talk) => {
      const [a, b, c] = talk.coins(3) as [KnownCoin, KnownCoin, KnownCoin];
      const { payload } = await talk.ask(
        { group: 2, command: 40, payload: withAns([a, stranger(talk, b), c]) },
        {
          status: S.MIXED,
          payload: (came) =>
            came.length === 5 ? join(i8(0b101), came.subarray(1)) : sized(came, 5),
        },
      );
      const payloadOfTicket = names([a, c]);
      const outcome = { status: S.SUCCESS, payload: payloadOfTicket };
      await claim(talk, [3, payload.subarray(1)], outcome);
    },
  ],
  [
    '40/unknown-page',
    'a coin on no page: 40 for all',
    refusedTicket((talk) => [talk.coin(0), unknown], S.INVALID_SN_OR_DENOMINATION),
  ],
  [
    '40/free',
    'a free record gets no ticket',
    refusedTicket((talk) => [talk.freeCoin(0)], S.ALL_FAIL),
    FREE,
  ],
  [
    '40/two-numbers',
    'two tickets have two numbers',
    async (talk) => {
      const first = await getTicket(talk, talk.coins(1));
      const second = await getTicket(talk, talk.coins(1));
      if (first.equals(second)) talk.fail(`the number ${first.toString('hex')} twice`);
    },
  ],
  [
    '50/claim',
    'a claim gives the coins of the ticket in order',
    async (talk) => {
      const coins = [talk.coin(2), talk.coin(0), talk.coin(1, -3)];
      const ticket = await getTicket(talk, coins);
      await claim(talk, [3, ticket], { status: S.SUCCESS, payload: names(coins) });
    },
  ],
  [
    '50/replayed-claim',
    'the same server cannot claim a ticket twice: 44',
    async (talk) => {
      const coins = talk.coins(1);
      const ticket = await getTicket(talk, coins);
      await claim(talk, [3, ticket], { status: S.SUCCESS, payload: names(coins) });
      await claim(talk, [3, ticket], { status: S.TICKET_CLAIMED_ALREADY });
    },
  ],
  [
    '50/each-server',
    'each of the other 24 servers can claim a ticket once',
    async (talk) => {
      const coins = talk.coins(2);
      const ticket = await getTicket(talk, coins);
      for (let raida = 0; raida < 25; raida++) {
        if (raida === talk.raidaId) continue;
        await claim(talk, [raida, ticket], { status: S.SUCCESS, payload: names(coins) });
      }
      await claim(talk, [(talk.raidaId + 1) % 25, ticket], { status: S.TICKET_CLAIMED_ALREADY });
    },
  ],
  ...[25, 255].map(
    (raida): CaseRow => [
      `50/server-${raida}`,
      `there is no server ${raida}: 18`,
      async (talk) => {
        const ticket = await getTicket(talk, talk.coins(1));
        await claim(talk, [raida, ticket], { status: S.WRONG_RAIDA });
      },
    ],
  ),
  [
    '50/server-before-ticket',
    "the server's number is checked before the ticket",
    async (talk) => claim(talk, [25, u32(0)], { status: S.WRONG_RAIDA }),
  ],
  [
    '50/zero',
    'there is no ticket 0: 43',
    async (talk) => claim(talk, [3, u32(0)], { status: S.NO_TICKET_FOUND }),
  ],
  [
    '50/unknown',
    'a number near a ticket is none: 43',
    async (talk) => {
      const ticket = await getTicket(talk, talk.coins(1));
      const near = u32((ticket.readUInt32BE() ^ 0x80000001) >>> 0);
      await claim(talk, [3, near], { status: S.NO_TICKET_FOUND });
    },
  ],
];

function find(
  make: (talk: Conversation) => readonly (readonly [KnownCoin, Buffer])[],
  status: number,
  payload?: number[],
) {
  return async (talk: Conversation) => {
    const expected = payload ? { status, payload: Uint8Array.from(payload) } : { status };
    await talk.ask({ group: 2, command: 60, payload: withPans(make(talk)) }, expected);
  };
}

const withAn = (talk: Conversation, i: number) => [talk.coin(i), talk.newAn(i)] as const;
const withPan = (talk: Conversation, i: number) =>
  [as(talk.coin(i), talk.newAn(i)), talk.coin(i).an] as const;
const withNone = (talk: Conversation, i: number) =>
  [as(talk.coin(i), talk.newAn(i)), talk.newAn(`${i}-other`)] as const;

const findRows: CaseRow[] = [
  [
    '60/an',
    'all coins have their AN: 209',
    find((talk) => [withAn(talk, 0), withAn(talk, 1)], S.FIND_ALL_AN),
  ],
  [
    '60/pan',
    'all coins have their PAN: 210',
    find((talk) => [withPan(talk, 0), withPan(talk, 1)], S.FIND_ALL_PAN),
  ],
  [
    '60/neither',
    'no coin has either: 208',
    find((talk) => [withNone(talk, 0), withNone(talk, 1)], S.FIND_NEITHER),
  ],
  [
    '60/mixed',
    'else 211 and a byte for each coin: 1 AN, 2 PAN, 0 none',
    find((talk) => [withAn(talk, 0), withPan(talk, 1), withNone(talk, 2)], S.FIND_MIXED, [1, 2, 0]),
  ],
  [
    '60/an-and-none',
    'AN and none are mixed',
    find((talk) => [withAn(talk, 0), withNone(talk, 1)], S.FIND_MIXED, [1, 0]),
  ],
  [
    '60/pan-and-none',
    'PAN and none are mixed',
    find((talk) => [withNone(talk, 0), withPan(talk, 1)], S.FIND_MIXED, [0, 2]),
  ],
  [
    '60/both',
    'where AN and PAN are the same it is the AN',
    find((talk) => [[talk.coin(0), talk.coin(0).an]], S.FIND_ALL_AN),
  ],
  [
    '60/unknown-page',
    'a coin on no page: 40',
    find((talk) => [withAn(talk, 0), [unknown, unknown.an]], S.INVALID_SN_OR_DENOMINATION),
  ],
  [
    '60/free',
    'a free record has neither',
    find((talk) => [[talk.freeCoin(0), talk.newAn(0)]], S.FIND_NEITHER),
    FREE,
  ],
];

const NO_TICKETS = Buffer.alloc(100);

async function fix(talk: Conversation, coins: readonly KnownCoin[], status: number): Promise<void> {
  const payload = join(names(coins), talk.bytes('pg', 16), NO_TICKETS);
  await talk.ask({ group: 2, command: 80, payload }, { status });
}

const fixRows: CaseRow[] = [
  [
    '80/no-tickets',
    'without tickets nothing is fixed: 242, and the coin keeps its AN',
    async (talk) => {
      await fix(talk, talk.coins(2), S.ALL_FAIL);
      await talk.ask(
        { group: 1, command: 10, payload: withAns(talk.coins(2)) },
        { status: S.ALL_PASS },
      );
    },
    { note: 'public servers ask the others even then, and wait for those that do not answer' },
  ],
  [
    '80/free',
    'without tickets a free record stays free',
    async (talk) => {
      await fix(talk, [talk.freeCoin(0)], S.ALL_FAIL);
      await putBack(talk, [talk.coin(0)], [talk.newAn(0)]);
    },
  ],
];

export const healingCases: ConformanceCase[] = casesOf('raida/2', { section: '9 Healing' }, [
  ...ticketRows,
  ...findRows,
  ...fixRows,
]);
