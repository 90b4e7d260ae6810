/** Groups 10, 11, 12 and 14: shard, crossover, names, integrity (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { anyOffer, flags, parseOffer, sized, wantFree } from '../coins.ts';
import type { Conversation, Expected } from '../conversation.ts';
import { DENOMINATION_MOST, IN_USE_RECORDS, PAGE_RECORDS, STATE_PAGES } from '../state.ts';
import { i8, join, sha256, u32, u64 } from '../wire.ts';
import { once, text } from './once.ts';

const S = Status;
const session = (talk: Conversation) => talk.bytes('session', 4);

const NO_BACK_END = {
  level: 'SHOULD',
  note: 'a server with that back end answers for it',
} as const;

const switchSum = (talk: Conversation, shard: number) =>
  join(session(talk), Uint8Array.of(shard, 0), Buffer.alloc(16), i8(0), u32(1));

const shardRows: CaseRow[] = [
  ...[3, 4].map(
    (operation): CaseRow => [
      `172/operation-${operation}`,
      'an offer of free serial numbers',
      async (talk) => {
        const payload = join(session(talk), i8(operation), flags(1));
        const { payload: came } = await talk.ask(
          { group: 10, command: 172, payload },
          { status: S.SUCCESS, payload: anyOffer },
        );
        const offer = parseOffer(came);
        const coins = typeof offer === 'string' ? [] : offer;
        if (coins.some(({ denomination }) => denomination !== 1)) talk.fail('another denomination');
        wantFree(talk, coins);
      },
    ],
  ),
  ...[0, 1, 2, 5].map(
    (operation): CaseRow => [
      `172/no-operation-${operation}`,
      `there is no operation ${operation}: 198`,
      once([10, 172], (talk) => join(session(talk), i8(operation), flags(1)), {
        status: S.INVALID_PARAMETER,
      }),
    ],
  ),
  [
    '172/no-flags',
    'without flags nothing is offered',
    once([10, 172], (talk) => join(session(talk), i8(3), flags()), { status: S.SUCCESS }),
  ],
  [
    '171/not-reserved',
    'a page that the session has not reserved: 41',
    async (talk) => {
      const coin = talk.freeCoin(0);
      const payload = join(session(talk), talk.bytes('seed', 16), i8(0), u32(coin.serialNumber));
      await talk.ask({ group: 10, command: 171, payload }, { status: S.PAGE_NOT_RESERVED });
    },
  ],
  [
    '171/session-0',
    'session 0 has reserved nothing: 41',
    once(
      [10, 171],
      (talk) => join(u32(0), talk.bytes('seed', 16), i8(0), u32(talk.freeCoin(0).serialNumber)),
      { status: S.PAGE_NOT_RESERVED },
    ),
    { section: '7, 11', note: 'public servers take it for reserved (defects 11 and 12)' },
  ],
  [
    '170/no-back-end',
    'without its back end a switch of shards is refused with 48',
    once([10, 170], (talk) => switchSum(talk, 1), { status: S.LEGACY_DB }),
    NO_BACK_END,
  ],
  [
    '170/shard-4',
    'a shard above 3: 46',
    once([10, 170], (talk) => switchSum(talk, 4), { status: S.INVALID_SHARD }),
  ],
  ...[0, 3].map(
    (shard): CaseRow => [
      `170/shard-${shard}`,
      `shard ${shard} is no back end: 4`,
      once([10, 170], (talk) => switchSum(talk, shard), {
        status: S.INVALID_SHARD_ID,
        read: 'body',
      }),
    ],
  ),
  [
    '173/not-implemented',
    'rollback is not implemented: 89',
    once([10, 173], () => Buffer.alloc(0), { status: S.NOT_IMPLEMENTED }),
  ],
];

const BTC = text('BTC');
const ADDRESS = text('bc1qexampleexampleexample000000000000000');

interface Deposit {
  ticker?: Buffer;
  address?: Buffer;
  length?: number;
}

function depositOf(talk: Conversation, more: Deposit = {}): Buffer {
  const { ticker = BTC, address = ADDRESS, length = address.length } = more;
  const amount = u64(1000n);
  const front = [talk.lockerKey(), ticker, amount, Uint8Array.of(length), address];
  return join(...front, talk.bytes('receipt', 16), text('a memo of some length'));
}

function checkOf(talk: Conversation, ticker = BTC, receipt = talk.bytes('receipt', 16)): Buffer {
  return join(talk.lockerKey(), ticker, talk.bytes('txid', 32), receipt, text('memo'));
}

function withdrawal(talk: Conversation, ticker: Buffer): Buffer {
  const front = [talk.lockerKey(), ticker, u64(1000n), Uint8Array.of(ADDRESS.length), ADDRESS];
  return join(...front, Buffer.alloc(16), text('memo'));
}

const PROXY = { note: 'rests on a proxy that does not answer' } as const;

const crossoverRows: CaseRow[] = [
  [
    '110/reserves',
    'a locker is reserved for a deposit',
    once([11, 110], depositOf, { status: S.SUCCESS }),
  ],
  ...[25, 63].map(
    (length): CaseRow => [
      `110/address-${length}`,
      `an address of ${length} bytes: 198`,
      once([11, 110], (talk) => depositOf(talk, { address: Buffer.alloc(length, 0x62) }), {
        status: S.INVALID_PARAMETER,
      }),
    ],
  ),
  [
    '111/no-entry',
    'a deposit that nobody has announced: 193',
    once([11, 111], (talk) => checkOf(talk), { status: S.NO_ENTRY }),
  ],
  ...(['receipt', 'ticker'] as const).map(
    (what): CaseRow => [
      `111/${what}`,
      `another ${what} than announced: 198`,
      async (talk) => {
        await once([11, 110], depositOf, { status: S.SUCCESS })(talk);
        const payload =
          what === 'ticker'
            ? checkOf(talk, text('XMR'))
            : checkOf(talk, BTC, talk.bytes('other', 16));
        await talk.ask({ group: 11, command: 111, payload }, { status: S.INVALID_PARAMETER });
      },
    ],
  ),
  [
    '111/proxy-down',
    'without its proxy a deposit cannot be checked: 180',
    async (talk) => {
      await once([11, 110], depositOf, { status: S.SUCCESS })(talk);
      const request = { group: 11, command: 111, payload: checkOf(talk) };
      await talk.ask(request, { status: S.PROXY_CONNECT });
    },
    PROXY,
  ],
  [
    '112/ticker',
    'what is not BTC cannot be withdrawn: 198',
    once([11, 112], (talk) => withdrawal(talk, text('XMR')), { status: S.INVALID_PARAMETER }),
  ],
  [
    '112/no-key',
    'without a private key nothing is withdrawn: 52',
    once([11, 112], (talk) => withdrawal(talk, BTC), { status: S.NO_PRIVATE_KEY }),
  ],
  [
    '114/proxy-down',
    'without its proxy there is no rate: 180',
    once([11, 114], () => BTC, { status: S.PROXY_CONNECT }),
    PROXY,
  ],
  [
    '114/ticker',
    'no rate for what is not BTC: 198',
    once([11, 114], () => text('XMR'), { status: S.INVALID_PARAMETER }),
  ],
];

const ADDRESS_RECORD = 1;
const SERVICE_RECORD = 2;

/** A name server question and its outcome. */
function ask(kind: number, name: string, expected: Expected) {
  return once([12, 120], () => join(i8(kind), text(name)), expected);
}

const rpcRows: CaseRow[] = [
  [
    '120/address',
    'an address record: four bytes, and port 0',
    ask(ADDRESS_RECORD, 'a.test', { status: S.SUCCESS, payload: Uint8Array.of(10, 1, 2, 3, 0, 0) }),
    { note: 'public servers send two bytes that nobody has set (defect 36)' },
  ],
  [
    '120/service',
    'a service record: four bytes and the port',
    ask(SERVICE_RECORD, 'a.test', {
      status: S.SUCCESS,
      payload: Uint8Array.of(10, 9, 8, 7, 0xc3, 0x51),
    }),
  ],
  [
    '120/no-zone',
    'a name without a zone: 185',
    ask(ADDRESS_RECORD, 'nope.test', { status: S.NX_DOMAIN }),
  ],
  [
    '120/no-record',
    'a zone without such a record: 184',
    ask(SERVICE_RECORD, 'only-a.test', { status: S.NX_RECORD }),
  ],
  ...[0, 3].map(
    (kind): CaseRow => [
      `120/kind-${kind}`,
      `there is no record of type ${kind}: 198`,
      ask(kind, 'a.test', { status: S.INVALID_PARAMETER }),
    ],
  ),
  ...(
    [
      ['slash', 'a/b.test'],
      ['space', 'a .test'],
      ['underscore', 'a_b.test'],
    ] as const
  ).map(
    ([what, name]): CaseRow => [
      `120/${what}`,
      `a name has no ${what}: 198`,
      ask(ADDRESS_RECORD, name, { status: S.INVALID_PARAMETER }),
    ],
  ),
  [
    '120/nul',
    'a name has no NUL: 198',
    ask(ADDRESS_RECORD, 'a.test\0', { status: S.INVALID_PARAMETER }),
    { level: 'SHOULD', note: 'public servers take the name up to it' },
  ],
  [
    '120/above',
    'a name of dots leads nowhere',
    ask(ADDRESS_RECORD, '..a.test', { status: [S.NX_DOMAIN, S.INVALID_PARAMETER] }),
    { section: '9 RPC, 11' },
  ],
];

/** ANs of a page of the state. */
function pageAns(talk: Conversation, denomination: number, page: number): Buffer[] {
  return Array.from({ length: PAGE_RECORDS }, (_, record) => {
    const serialNumber = page * PAGE_RECORDS + record;
    if (record >= IN_USE_RECORDS) return Buffer.alloc(16);
    return talk.stateCoin({ denomination, serialNumber }).an;
  });
}

const merkleRows: CaseRow[] = [
  [
    '2/leaf',
    'a leaf is the SHA-256 of the ANs of its page, zeros for free records; 202 without a tree',
    async (talk) => {
      const denomination = DENOMINATION_MOST;
      const page = STATE_PAGES - 1;
      const leaf = () => sha256(...pageAns(talk, denomination, page));
      const check = (came: Buffer) => (came.length === 0 ? came : leaf());
      const payload = join(i8(denomination), u32(0), u32(page));
      const status = [S.SUCCESS, S.FILE_DOES_NOT_EXIST];
      const request = { group: 14, command: 2, payload };
      const reply = await talk.ask(request, { status, payload: check });
      const wanted = reply.status === S.SUCCESS ? 32 : 0;
      if (reply.payload.length !== wanted) talk.fail(`a payload of ${reply.payload.length} bytes`);
    },
    { level: 'SHOULD', note: 'as public servers compute it; no case changes that page' },
  ],
  [
    '2/no-node',
    'a node that is not there: 202',
    once([14, 2], () => join(i8(0), u32(99), u32(0)), { status: S.FILE_DOES_NOT_EXIST }),
  ],
  [
    '2/no-index',
    'an index that is not there: 202',
    once([14, 2], () => join(i8(0), u32(0), u32(0xffffffff)), { status: S.FILE_DOES_NOT_EXIST }),
  ],
  [
    '5/roots',
    'fifteen roots of 32 bytes',
    once([14, 5], () => Buffer.alloc(480), {
      status: S.SUCCESS,
      payload: (came) => sized(came, 480),
    }),
  ],
  [
    '5/vote',
    'a datagram of 497 bytes with these roots is answered 1 and its nonce, with others 0',
    async (talk) => {
      const { payload: roots } = await talk.ask(
        { group: 14, command: 5, payload: Buffer.alloc(480) },
        { status: S.SUCCESS, payload: (came) => sized(came, 480) },
      );
      const nonce = talk.bytes('vote', 16);
      const vote = (value: Buffer) => join(Uint8Array.of(7), value, nonce);
      await talk.rawReply(vote(roots), join(Uint8Array.of(1), nonce));
      for (const at of [0, 479]) {
        const other = Buffer.from(roots);
        other[at]! ^= 1;
        await talk.rawReply(vote(other), join(Uint8Array.of(0), nonce));
      }
    },
    { transports: ['udp'], section: '5, 9 Integrity' },
  ],
  [
    '4/left-out',
    'pages are not given away with all their ANs',
    once([14, 4], () => join(i8(0), u32(0)), { status: S.INVALID_COMMAND }),
    { section: '11', note: 'public servers do, to anyone (defect 13)' },
  ],
];

export const serviceCases: ConformanceCase[] = [
  ...casesOf('raida/10', { section: '9 Shard' }, shardRows),
  ...casesOf('raida/11', { section: '9 Crossover' }, crossoverRows),
  ...casesOf('raida/12', { section: '9 RPC' }, rpcRows),
  ...casesOf('raida/14', { section: '9 Integrity', wires: ['legacy'] }, merkleRows),
];
