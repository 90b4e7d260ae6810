/** Encryption types 4 and 5: 48-byte headers, AES-256, HMAC (reference sections 1.2, 2-4). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { as, detect, NO_PAGE, putBack, withAns, withPans } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { type Encryption, join, u16 } from '../wire.ts';
import { rightVersion } from './facts.ts';

const S = Status;
const echo = { group: 0, command: 0 } as const;
const version = { group: 0, command: 1 } as const;
const TRAILER = Buffer.from([0x3e, 0x3e]);
const SIZES = { section: '9, 11', note: 'public servers count the HMAC in (defect 27)' };

type Make = (talk: Conversation) => Encryption;
const one: Make = (talk) => ({ type: 4, coin: talk.coin(0) });
const two: Make = (talk) => ({ type: 5, coin: talk.coin(0), second: talk.coin(1, 1) });

/** What the cases of one type share. */
interface Kind {
  type: 4 | 5;
  encryption: Make;
  own: Partial<ConformanceCase>;
}

const four: Kind = { type: 4, encryption: one, own: {} };
const five: Kind = {
  type: 5,
  encryption: two,
  own: { note: 'public servers break the nonce of such replies (defect 27)' },
};

function echoed({ encryption }: Kind, status: number, tail?: Uint8Array) {
  return async (talk: Conversation) => {
    const request = { ...echo, encryption: encryption(talk), ...(tail ? { tail } : {}) };
    await talk.ask(request, { status });
  };
}

/** Replies, the same for one coin and for two. */
function replyRows(kind: Kind): CaseRow[] {
  const { type, encryption, own } = kind;
  return [
    [`type-${type}/echo`, 'a reply without a payload has no body', echoed(kind, S.SUCCESS), own],
    [
      `type-${type}/version`,
      'a reply is encrypted, with a nonce of its own and an HMAC',
      async (talk) => {
        const request = { ...version, encryption: encryption(talk) };
        const expected = { status: S.SUCCESS, payload: rightVersion };
        const first = await talk.ask(request, expected);
        const second = await talk.ask(request, expected);
        const nonces = [first, second].map(({ header }) => header.subarray(24, 46));
        if (nonces[0]!.equals(nonces[1]!)) talk.fail('the same nonce twice');
      },
      own,
    ],
    [
      `type-${type}/no-body`,
      'a request without a body',
      async (talk) => {
        const request = { ...echo, payload: null, encryption: encryption(talk) };
        await talk.ask(request, { status: S.SUCCESS });
      },
      own,
    ],
  ];
}

/** Sizes of commands. */
function sizeRows({ type, encryption }: Kind): CaseRow[] {
  return [
    [
      `type-${type}/detect-one`,
      'sizes are those of the command, with the HMAC left out',
      async (talk) => {
        const payload = withAns([talk.coin(2)]);
        const request = { group: 1, command: 10, payload, encryption: encryption(talk) };
        await talk.ask(request, { status: S.ALL_PASS });
      },
      SIZES,
    ],
    [
      `type-${type}/detect-mixed`,
      'a bitmap under encryption',
      async (talk) => {
        const list = [talk.coin(2), as(talk.coin(3), talk.newAn(3)), talk.coin(4)];
        const request = { group: 1, command: 10, payload: withAns(list) };
        await talk.ask(
          { ...request, encryption: encryption(talk) },
          { status: S.MIXED, payload: Uint8Array.of(0b101) },
        );
      },
      SIZES,
    ],
    [
      `type-${type}/detect-short`,
      'a payload that is short is refused with 16, not filled up by the HMAC',
      async (talk) => {
        const payload = withAns([talk.coin(2)]).subarray(0, 20);
        const request = { group: 1, command: 10, payload, encryption: encryption(talk) };
        await talk.ask(request, { status: S.INVALID_PACKET_LENGTH });
      },
      SIZES,
    ],
    [
      `type-${type}/detect-not-divisible`,
      'a list that does not divide is refused with 39',
      async (talk) => {
        const payload = join(withAns([talk.coin(2)]), Buffer.alloc(1));
        const request = { group: 1, command: 10, payload, encryption: encryption(talk) };
        await talk.ask(request, { status: S.COINS_NOT_DIVISIBLE });
      },
      SIZES,
    ],
    [
      `type-${type}/empty-payload`,
      'a command that needs a payload and has none is refused with 16',
      async (talk) => {
        const request = { group: 1, command: 10, encryption: encryption(talk) };
        await talk.ask(request, { status: S.INVALID_PACKET_LENGTH });
      },
      SIZES,
    ],
    [
      `type-${type}/pown`,
      'a pown under encryption, and back',
      async (talk) => {
        const coin = talk.coin(5);
        const pan = talk.newAn(5);
        await putBack(talk, [coin], [pan]);
        const request = { group: 1, command: 20, encryption: encryption(talk) };
        const expected = { status: S.ALL_PASS };
        await talk.ask({ ...request, payload: withPans([[coin, pan]]) }, expected);
        await talk.ask({ ...request, payload: withPans([[as(coin, pan), coin.an]]) }, expected);
        await detect(talk, [coin]);
      },
      SIZES,
    ],
  ];
}

/** Bodies that are refused. */
function bodyRows(kind: Kind): CaseRow[] {
  const { type, encryption, own } = kind;
  return [
    [
      `type-${type}/hmac`,
      'a wrong HMAC: 204',
      echoed(kind, S.INVALID_HMAC, join(Buffer.alloc(32), TRAILER)),
      own,
    ],
    [
      `type-${type}/hmac-covers-payload`,
      'a changed payload: 204',
      async (talk) => {
        const payload = withAns([talk.coin(2)]);
        const sent = talk.build({ group: 1, command: 10, payload, encryption: encryption(talk) });
        sent.bytes[50]! ^= 1;
        await talk.askBytes(sent, { status: S.INVALID_HMAC });
      },
      own,
    ],
    [`type-${type}/trailer`, 'a wrong trailer: 33', echoed(kind, S.INVALID_EOF, u16(0)), own],
    [
      `type-${type}/trailer-before-hmac`,
      'the trailer is checked before the HMAC',
      echoed(kind, S.INVALID_EOF, Buffer.alloc(34)),
      own,
    ],
    ...[1, 33].map(
      (size): CaseRow => [
        `type-${type}/size-${size}`,
        `a body of ${size} bytes has no room for an HMAC: 16`,
        async (talk) => {
          const patch = [[17, u16(size)]] as const;
          const sent = talk.build({ ...echo, payload: null, patch, encryption: encryption(talk) });
          const body = join(Buffer.alloc(Math.max(0, size - 2)), TRAILER.subarray(0, size));
          const bytes = join(sent.bytes, body);
          await talk.askBytes({ ...sent, bytes }, { status: S.INVALID_PACKET_LENGTH });
        },
        own,
      ],
    ),
    [
      `type-${type}/refused-header`,
      'a refused header is answered with 48 bytes',
      async (talk) => {
        const request = { ...echo, command: 99, payload: null, encryption: encryption(talk) };
        await talk.ask(request, { status: S.INVALID_COMMAND });
      },
      {
        section: '1.2, 4.2',
        level: 'SHOULD',
        note: 'ours: as long as the type announces; public servers answer with 32 bytes',
      },
    ],
  ];
}

const unknown = { ...NO_PAGE, an: Buffer.alloc(16) };

function refusedKey(make: Make) {
  return async (talk: Conversation) => {
    const request = { ...echo, encryption: make(talk) };
    await talk.ask(request, { status: S.ENCRYPTION_COIN_NOT_FOUND });
  };
}

const keyRows: CaseRow[] = [
  [
    'type-4/unknown-page',
    'a key coin on no page: 25',
    refusedKey(() => ({ type: 4, coin: unknown })),
  ],
  [
    'type-5/first-unknown',
    'a first key coin on no page: 25',
    refusedKey((talk) => ({ type: 5, coin: unknown, second: talk.coin(0) })),
  ],
  [
    'type-5/second-unknown',
    'a second key coin on no page: 25',
    refusedKey((talk) => ({ type: 5, coin: talk.coin(0), second: unknown })),
  ],
  [
    'type-5/order',
    'the key is that of the first coin and then the second',
    async (talk) => {
      const sent = talk.build({ ...echo, encryption: two(talk) });
      const swapped = talk.build({
        ...echo,
        encryption: { type: 5, coin: talk.coin(1, 1), second: talk.coin(0) },
      });
      const body = swapped.bytes.subarray(48);
      const bytes = join(sent.header, body);
      await talk.askBytes({ ...sent, bytes }, { status: S.INVALID_HMAC });
    },
  ],
  [
    'type-5/same-coin',
    'both coins may be the same',
    async (talk) => {
      const encryption = { type: 5 as const, coin: talk.coin(0), second: talk.coin(0) };
      await talk.ask({ ...echo, encryption }, { status: S.SUCCESS });
    },
    { level: 'SHOULD', note: 'the reference does not say it' },
  ],
];

export const modernCases: ConformanceCase[] = casesOf(
  'raida/modern',
  { section: '1.2, 2, 3, 4.2', modern: true },
  [four, five]
    .flatMap((kind) => [...replyRows(kind), ...sizeRows(kind), ...bodyRows(kind)])
    .concat(keyRows),
);
