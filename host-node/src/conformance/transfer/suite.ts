/** The handshake of file transfers over UDP (reference: transfer, section 2, profile R1). */

import {
  type ProtocolCase,
  type ProtocolRow,
  type ProtocolSuite,
  protocolCases,
} from '../protocol-suite.ts';
import type { FirstParts } from './talk.ts';
import { bytesOf, FIRST_BYTES, SECOND_BYTES, type TransferSubject, TransferTalk } from './talk.ts';

export type { TransferSubject };

type Row = ProtocolRow<TransferTalk>;

const SECOND_US = 1_000_000n;
/** How often one message 1 draws message 2. */
const SECONDS_MAX = 8;
const AMPLIFICATION = 3;
const marker = (last: number) => Buffer.of(255, 255, 255, 255, 255, 255, 255, last);

/** Of these parts a message 1 gets no answer, and the node lives on. */
function silent(parts: FirstParts, change: (bytes: Buffer) => Buffer = (bytes) => bytes) {
  return async (talk: TransferTalk) => {
    const link = await talk.open();
    link.send(change(talk.first(parts).bytes));
    await link.silence();
    await talk.second(link);
  };
}

function answered(parts: FirstParts) {
  return async (talk: TransferTalk) => void (await talk.second(await talk.open(), parts));
}

function otherVersion(version: number) {
  return async (talk: TransferTalk) => {
    const link = await talk.open();
    const { bytes } = talk.first({ version });
    const reply = await link.ask(bytes);
    const macAt = reply.length - 16;
    const head = reply.subarray(0, macAt);
    const mac = talk.mac('4', Buffer.concat([head, bytes.subarray(FIRST_BYTES - 16, FIRST_BYTES)]));
    const expected = Buffer.concat([marker(0xfe), bytesOf(1, 4)]);
    const whole = Buffer.concat([
      expected,
      talk.mac('4', Buffer.concat([expected, bytes.subarray(80, 96)])),
    ]);
    const wrong = (problem: string) => link.fail(problem, { received: reply, expected: whole });
    if (reply.length > FIRST_BYTES) wrong('the reply is longer than message 1');
    if (macAt < 12 || (macAt - 8) % 4 !== 0) wrong('the reply has no whole versions');
    if (!head.subarray(0, 8).equals(marker(0xfe))) wrong('another CID');
    if (!mac.equals(reply.subarray(macAt))) wrong('another MAC');
    const versions = Array.from({ length: (macAt - 8) / 4 }, (_, i) =>
      head.readUInt32BE(8 + 4 * i),
    );
    if (!versions.includes(1)) wrong('version 1 is not in it');
    if (versions.includes(version)) wrong('it lists the version that was offered');
  };
}

const firstRows: Row[] = [
  [
    'answered',
    'message 1 draws message 2: CID, MAC, tags, static key, timestamp, suite, sign bit',
    async (talk) => {
      const link = await talk.open();
      const { second } = await talk.second(link);
      if (second.length !== SECOND_BYTES) {
        link.fail(`message 2 has ${second.length} bytes`, { received: second });
      }
      const again = await talk.second(link);
      if (again.second.subarray(8, 40).equals(second.subarray(8, 40))) {
        link.fail('two handshakes have one ephemeral key', { received: again.second });
      }
    },
  ],
  [
    'repeated',
    'the same message 1 draws the same bytes of message 2',
    async (talk) => {
      const link = await talk.open();
      const { first, second } = await talk.second(link);
      const again = await link.ask(first.bytes);
      if (!again.equals(second)) link.fail('other bytes', { received: again, expected: second });
    },
  ],
  [
    'repeated-often',
    `the same message 1 draws message 2 at most ${SECONDS_MAX} times more`,
    async (talk) => {
      const link = await talk.open();
      const { first } = await talk.second(link);
      for (let i = 0; i < SECONDS_MAX + 4; i++) link.send(first.bytes);
      const { length } = await link.untilQuiet();
      if (length > SECONDS_MAX) link.fail(`${length} times`);
    },
  ],
  [
    'no-timer',
    'message 2 is not sent again by itself',
    async (talk) => {
      const link = await talk.open();
      await talk.second(link);
      for (let i = 0; i < 3; i++) await link.silence();
    },
  ],
  [
    'replayed',
    'the same message 1 from another port gets no answer',
    async (talk) => {
      const { first } = await talk.second(await talk.open());
      const other = await talk.open();
      other.send(first.bytes);
      await other.silence();
    },
  ],
  [
    'replayed-key',
    'another message 1 with the same representative gets no answer, whatever its top bits',
    async (talk) => {
      const link = await talk.open();
      const { first } = await talk.second(link);
      for (const bits of [0, 0x40, 0xc0]) {
        const representative = Buffer.from(first.ephemeral.representative);
        representative[31]! |= bits;
        link.send(talk.first({ representative, aheadUs: SECOND_US }).bytes);
        await link.silence();
      }
    },
  ],
  ['stale', 'a timestamp 130 s old gets no answer', silent({ aheadUs: -130n * SECOND_US })],
  ['future', 'a timestamp 130 s ahead gets no answer', silent({ aheadUs: 130n * SECOND_US })],
  ['late', 'a timestamp 110 s old is taken', answered({ aheadUs: -110n * SECOND_US })],
  ['early', 'a timestamp 110 s ahead is taken', answered({ aheadUs: 110n * SECOND_US })],
  [
    'mac',
    'one wrong bit, wherever, gets no answer',
    async (talk) => {
      const link = await talk.open();
      for (const at of [8, 15, 20, 51, 52, 79, 80, 95]) {
        const { bytes } = talk.first();
        bytes[at]! ^= 1;
        link.send(bytes);
      }
      await link.silence();
    },
  ],
  [
    'other-peer',
    'a message 1 for another peer gets no answer',
    silent({ theirs: Buffer.alloc(32, 0x42) }),
  ],
  ['short', 'a message 1 of 95 bytes gets no answer', silent({}, (bytes) => bytes.subarray(0, -1))],
  ['empty', 'an empty datagram gets no answer', silent({}, () => Buffer.alloc(0))],
  [
    'trailing',
    'bytes behind the MAC are ignored',
    async (talk) => {
      const link = await talk.open();
      const first = talk.first();
      const second = await link.ask(Buffer.concat([first.bytes, Buffer.alloc(300, 0xee)]));
      talk.checkSecond(link, first, second);
    },
  ],
  [
    'masked',
    'a message 1 in the stealth form is answered, with at most three times its bytes',
    async (talk) => {
      const link = await talk.open();
      const { second } = await talk.second(link, { isMasked: true });
      if (second.length > AMPLIFICATION * FIRST_BYTES) {
        link.fail(`message 2 has ${second.length} bytes`, { received: second });
      }
    },
  ],
  ['reset-marker', 'the marker of a reset gets no answer', silent({ cid: marker(0xfd) })],
  ['retry-marker', 'the marker of a retry gets no answer', silent({ cid: marker(0xfc) })],
  ['zero-cid', 'a CID of zeros gets no answer', silent({ cid: Buffer.alloc(8) })],
  [
    'zero-key',
    'a representative of the point 0 gets no answer: every product would be zero',
    silent({ representative: Buffer.alloc(32) }),
  ],
];

const versionRows: Row[] = [
  ...[0, 2, 0xffffffff].map(
    (version): Row => [
      `${version}`,
      `version ${version} draws the list of versions, MACed with that of message 1`,
      otherVersion(version),
    ],
  ),
  [
    'mac',
    'another version with a wrong MAC gets no answer',
    silent({ version: 2, theirs: Buffer.alloc(32, 0x42) }),
  ],
];

const thirdRows: Row[] = [
  [
    'session',
    'message 3 draws a packet of the session at once; the same again draws another',
    async (talk) => {
      const link = await talk.open();
      const { first, cid, second } = await talk.second(link);
      const third = talk.third(cid, first);
      for (let i = 0; i < 2; i++) {
        const packet = await link.ask(third);
        if (packet.subarray(0, 8).equals(cid) || packet.equals(second)) {
          link.fail('it is no packet of the session', { received: packet });
        }
        await link.untilQuiet();
      }
    },
  ],
  [
    'forged',
    'a message 3 with a wrong bit draws nothing and ends nothing: the right one still counts',
    async (talk) => {
      const link = await talk.open();
      const { first, cid } = await talk.second(link);
      const third = talk.third(cid, first);
      for (const at of [8, 56, 80, 95]) {
        const bytes = Buffer.from(third);
        bytes[at]! ^= 1;
        // Behind the first byte that is Noise's, with a MAC that is right.
        if (at < 80) talk.mac('3', bytes.subarray(0, 80)).copy(bytes, 80);
        link.send(bytes);
      }
      await link.silence();
      await link.ask(third);
    },
  ],
  [
    'other-address',
    'message 3 from another port draws nothing; from the right one it still counts',
    async (talk) => {
      const link = await talk.open();
      const { first, cid } = await talk.second(link);
      const third = talk.third(cid, first);
      const other = await talk.open();
      other.send(third);
      await other.silence();
      await link.ask(third);
    },
    { level: 'SHOULD', note: 'ours: section 2 names no address for message 3' },
  ],
];

const cases: readonly ProtocolCase<TransferTalk>[] = [
  ...protocolCases('transfer/first', '2', firstRows),
  ...protocolCases('transfer/version', '2', versionRows),
  ...protocolCases('transfer/third', '2', thirdRows),
];

export function transferSuite(subject: TransferSubject): ProtocolSuite<TransferTalk> {
  return {
    cases,
    talk: (signal) => new TransferTalk(subject, signal),
    probe: async (talk) => {
      const link = await talk.open();
      await link.ask(talk.first().bytes);
    },
  };
}
