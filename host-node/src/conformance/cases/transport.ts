/** UDP and TCP (reference section 5). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { withAns } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { u16 } from '../wire.ts';

const S = Status;
const echo = { group: 0, command: 0 } as const;
const UDP = { transports: ['udp'] } as const;
const TCP = { transports: ['tcp'] } as const;

/** The first bytes of a request get no answer, and the server lives on. */
function cut(bytes: number) {
  return async (talk: Conversation) => {
    await talk.silence(talk.build(echo).bytes.subarray(0, bytes));
    await talk.ask(echo, { status: S.SUCCESS });
  };
}

/** A request in pieces, split behind these offsets. */
function split(...offsets: readonly number[]) {
  return async (talk: Conversation) => {
    const sent = talk.build({ group: 1, command: 10, payload: withAns(talk.coins(2)) });
    const ends = [...offsets, sent.bytes.length];
    const pieces = ends.map((end, index) => sent.bytes.subarray(ends[index - 1] ?? 0, end));
    await talk.askBytes(sent, { status: S.ALL_PASS }, pieces);
  };
}

const rows: CaseRow[] = [
  ['empty-datagram', 'an empty datagram gets no answer', cut(0), UDP],
  ['16-bytes', 'a datagram of 16 bytes gets no answer', cut(16), UDP],
  ['17-bytes', 'a datagram of 17 bytes gets no answer', cut(17), UDP],
  ['31-bytes', 'a datagram one byte short of its header gets no answer', cut(31), UDP],
  [
    '47-bytes',
    'a datagram one byte short of a 48-byte header gets no answer',
    async (talk) => {
      const encryption = { type: 4, coin: talk.coin(0) } as const;
      await talk.silence(talk.build({ ...echo, encryption }).bytes.subarray(0, 47));
      await talk.ask(echo, { status: S.SUCCESS });
    },
    { ...UDP, modern: true },
  ],
  [
    'short-datagram',
    'a datagram shorter than header and body is refused with 16',
    async (talk) => {
      const sent = talk.build({ group: 1, command: 10, payload: withAns(talk.coins(1)) });
      const request = { ...sent, bytes: sent.bytes.subarray(0, -1) };
      await talk.askBytes(request, { status: S.INVALID_PACKET_LENGTH, read: 'key' });
    },
    UDP,
  ],
  [
    'body-missing',
    'a datagram that announces a body and has none is refused with 16',
    async (talk) => {
      const request = { ...echo, payload: null, patch: [[22, u16(50)]] as const };
      await talk.ask(request, { status: S.INVALID_PACKET_LENGTH, read: 'key' });
    },
    UDP,
  ],
  [
    'surplus-bytes',
    'bytes behind the body of a datagram are ignored',
    async (talk) => {
      const sent = talk.build(echo);
      const bytes = Buffer.concat([sent.bytes, Buffer.alloc(9, 0xee)]);
      await talk.askBytes({ ...sent, bytes }, { status: S.SUCCESS });
    },
    UDP,
  ],
  [
    'surplus-without-body',
    'bytes behind a header that announces no body are ignored',
    async (talk) => {
      const sent = talk.build({ ...echo, payload: null });
      const bytes = Buffer.concat([sent.bytes, Buffer.alloc(20, 0xee)]);
      await talk.askBytes({ ...sent, bytes }, { status: S.SUCCESS });
    },
    UDP,
  ],
  [
    'sixteen-datagrams',
    'requests one after the other are each answered',
    async (talk) => {
      for (let i = 0; i < 16; i++) await talk.ask(echo, { status: S.SUCCESS });
    },
    { section: '5, 11', note: 'public servers answer over TCP one connection late (defect 6)' },
  ],
  ['split-header', 'a header may come in two pieces', split(7), TCP],
  ['split-17', 'a header may come as 17 bytes and the rest', split(17), TCP],
  ['split-body', 'header and body may come apart', split(32), TCP],
  ['split-everywhere', 'a request may come in many pieces', split(1, 2, 16, 30, 33, 48, 60), TCP],
  ['split-trailer', 'the last byte may come by itself', split(32, 91), TCP],
  [
    'closes',
    'the server closes the connection behind its reply',
    async (talk) => {
      const sent = talk.build(echo);
      const received = await talk.untilClosed(sent, Buffer.alloc(0));
      talk.measure(sent, { status: S.SUCCESS }, received);
      if (!received.closed) talk.fail('the connection stays open');
    },
    TCP,
  ],
  [
    'closes-after-refusal',
    'a refused header is answered without its body, then the connection closes',
    async (talk) => {
      const patch = [[22, u16(500)]] as const;
      const sent = talk.build({ group: 0, command: 99, payload: null, patch });
      const received = await talk.untilClosed(sent, Buffer.alloc(0));
      talk.measure(sent, { status: S.INVALID_COMMAND }, received);
      if (!received.closed) talk.fail('the connection stays open');
    },
    TCP,
  ],
  [
    'one-request',
    'a second request on the connection is not answered',
    async (talk) => {
      const sent = talk.build(echo);
      const received = await talk.untilClosed(sent, sent.bytes);
      if (received.bytes.length > 0 || received.closed) {
        talk.measure(sent, { status: S.SUCCESS }, received);
      } else {
        talk.fail(`no reply${received.problem ? ` (${received.problem})` : ''}`);
      }
    },
    TCP,
  ],
  [
    'half-header',
    'a header that does not end gets no answer',
    cut(20),
    { ...TCP, note: 'public servers wait for ever (defect 39); ours close after a while' },
  ],
  [
    'half-body',
    'a body that does not end gets no answer',
    async (talk) => {
      const sent = talk.build({ group: 1, command: 10, payload: withAns(talk.coins(1)) });
      await talk.silence(sent.bytes.subarray(0, -1));
      await talk.ask(echo, { status: S.SUCCESS });
    },
    TCP,
  ],
];

export const transportCases: ConformanceCase[] = casesOf('raida/transport', { section: '5' }, rows);
