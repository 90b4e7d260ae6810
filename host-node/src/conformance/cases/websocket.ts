/**
 * RAIDA over WebSocket. The reference knows UDP and TCP alone (section 5): that a binary message is
 * a request, and the next one its reply, is how ours serve pages (docs/conformance.md), so it is a
 * SHOULD.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { withAns } from '../coins.ts';
import type { Conversation } from '../conversation.ts';

const S = Status;
const echo = { group: 0, command: 0 } as const;

/** Close codes of RFC 6455, section 7.4.1. */
const UNSUPPORTED_DATA = 1003;
const INVALID_PAYLOAD = 1007;
const TOO_LONG = 1009;
/** The longest request: a 48-byte header and the largest body that 16 bits can name. */
const REQUEST_BYTES_MAX = 48 + 65535;

/** The message ends the connection with this code and has no answer; the server lives on. */
function closes(code: number, message: (talk: Conversation) => Buffer, isText = false) {
  return async (talk: Conversation) => {
    const received = await talk.messages([message(talk)], { count: 1, isText });
    if (received.bytes.length > 0) talk.fail('an answer came');
    if (received.closeCode !== code) {
      const came = received.closeCode ?? (received.closed ? 'none' : 'the connection stays open');
      talk.fail(`wanted close code ${code}, got ${came}`);
    }
    await talk.ask(echo, { status: S.SUCCESS });
  };
}

const rows: CaseRow[] = [
  [
    'order',
    'requests on one connection are answered in their order, a message each',
    async (talk) => {
      const detect = { group: 1, command: 10 } as const;
      const asked = [
        [talk.build(echo), { status: S.SUCCESS }],
        [talk.build({ ...detect, payload: withAns(talk.coins(2)) }), { status: S.ALL_PASS }],
        [talk.build({ ...echo, command: 99, payload: null }), { status: S.INVALID_COMMAND }],
        [talk.build({ ...detect, payload: withAns(talk.coins(1)) }), { status: S.ALL_PASS }],
      ] as const;
      const pieces = asked.map(([sent]) => sent.bytes);
      const { messages = [], ...rest } = await talk.messages(pieces, { count: asked.length });
      for (const [index, [sent, expected]] of asked.entries()) {
        const bytes = messages[index] ?? Buffer.alloc(0);
        talk.measure(sent, expected, { ...rest, bytes });
      }
    },
  ],
  [
    'short',
    'a message shorter than a header has no answer and ends the connection (1007)',
    closes(INVALID_PAYLOAD, (talk) => talk.build(echo).bytes.subarray(0, 31)),
  ],
  [
    'text',
    'a text message ends the connection (1003)',
    closes(UNSUPPORTED_DATA, () => Buffer.from('hello raida'), true),
  ],
  [
    'too-long',
    'a message longer than any request ends the connection (1009)',
    closes(TOO_LONG, () => Buffer.alloc(REQUEST_BYTES_MAX + 1)),
  ],
];

export const webSocketCases: ConformanceCase[] = casesOf(
  'raida/websocket',
  {
    section: '5',
    level: 'SHOULD',
    transports: ['ws'],
    note: 'ours: the reference knows UDP and TCP alone (docs/conformance.md)',
  },
  rows,
);
