/** Group 13, Filesystem: objects under the admin key (reference section 9). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import type { Conversation, Expected } from '../conversation.ts';
import { ADMIN_KEY, HELLO } from '../state.ts';
import { join, u32 } from '../wire.ts';
import { once, text } from './once.ts';

const S = Status;
const objectPath = (talk: Conversation) =>
  text(`conformance/${talk.bytes('path', 8).toString('hex')}.bin`);
const NUL = Buffer.alloc(1);

/** Admin key, path with its NUL: what 13/135 and 13/136 take. */
const named = (path: Uint8Array, key: Uint8Array = ADMIN_KEY) => join(key, path, NUL);
const putOf = (path: Uint8Array, content: Uint8Array, key: Uint8Array = ADMIN_KEY) =>
  join(key, u32(content.length), path, NUL, content);

async function object(talk: Conversation, command: number, payload: Buffer, expected: Expected) {
  return await talk.ask({ group: 13, command, payload, encryption: talk.sealed() }, expected);
}

const PUT = 134;
const GET = 135;
const REMOVE = 136;
const FORMULA = { note: 'public servers forget the challenge in the size (defect 17)' };

/** What leads out of the folder, and what may be answered: nothing of it may be found. */
const outside: readonly (readonly [string, string, readonly number[]])[] = [
  ['parent', '../Folders2/outside.txt', [S.ADMIN_AUTH]],
  ['parent-inside', 'conformance/../../Folders2/outside.txt', [S.ADMIN_AUTH]],
  ['absolute', '/etc/hostname', [S.ADMIN_AUTH, S.FILE_DOES_NOT_EXIST]],
  ['link', 'link.txt', [S.ADMIN_AUTH, S.INVALID_PARAMETER]],
  ['dot-dot', '..', [S.ADMIN_AUTH, S.INVALID_PARAMETER]],
];

/** What is to be removed is not what is to be read: a broken server removes it. */
const otherOf = (path: string) =>
  path
    .replace('outside.txt', 'other.txt')
    .replace(/^link/, 'other-link')
    .replace(/^.etc.*/, '/nothing');

const objectRows: CaseRow[] = [
  [
    '134/put-get-remove',
    'an object is put, got and removed',
    async (talk) => {
      const path = objectPath(talk);
      const content = talk.bytes('content', 32);
      await object(talk, PUT, putOf(path, content), { status: S.SUCCESS });
      await object(talk, GET, named(path), { status: S.SUCCESS, payload: content });
      await object(talk, REMOVE, named(path), { status: S.SUCCESS });
      await object(talk, GET, named(path), { status: S.FILE_DOES_NOT_EXIST });
    },
    FORMULA,
  ],
  [
    '134/replaces',
    'a shorter object replaces a longer one whole',
    async (talk) => {
      const path = objectPath(talk);
      await object(talk, PUT, putOf(path, talk.bytes('long', 32)), { status: S.SUCCESS });
      await object(talk, PUT, putOf(path, talk.bytes('short', 3)), { status: S.SUCCESS });
      const payload = talk.bytes('short', 3);
      await object(talk, GET, named(path), { status: S.SUCCESS, payload });
      await object(talk, REMOVE, named(path), { status: S.SUCCESS });
    },
    { ...FORMULA, level: 'SHOULD' },
  ],
  [
    '134/no-folder',
    'a folder that is not there is not made: 202',
    async (talk) => {
      const payload = putOf(text('nowhere/object.bin'), text('abc'));
      await object(talk, PUT, payload, { status: S.FILE_DOES_NOT_EXIST });
    },
    FORMULA,
  ],
  ...[-1, 1, 16].map(
    (more): CaseRow => [
      `134/size${more > 0 ? '+' : ''}${more}`,
      `a size that is off by ${more} is refused with 16`,
      async (talk) => {
        const payload = putOf(objectPath(talk), text('abc'));
        payload.writeUInt32BE(3 + more, 16);
        await object(talk, PUT, payload, { status: S.INVALID_PACKET_LENGTH });
      },
      FORMULA,
    ],
  ),
  [
    '135/get',
    'an object of the state',
    once([13, GET], () => named(text('hello.txt')), { status: S.SUCCESS, payload: HELLO }),
  ],
  [
    '135/without-nul',
    'a path needs no NUL at its end',
    once([13, GET], () => join(ADMIN_KEY, text('hello.txt')), {
      status: S.SUCCESS,
      payload: HELLO,
    }),
    { note: 'public servers read past the path (defect 18)' },
  ],
  [
    '135/missing',
    'an object that is not there: 202',
    once([13, GET], () => named(text('nothing')), { status: S.FILE_DOES_NOT_EXIST }),
  ],
  [
    '135/folder',
    'a folder is no object: 198',
    once([13, GET], () => named(text('conformance')), { status: S.INVALID_PARAMETER }),
  ],
  [
    '136/missing',
    'what is not there cannot be removed: 202',
    once([13, REMOVE], () => named(text('nothing')), { status: S.FILE_DOES_NOT_EXIST }),
  ],
  [
    '136/folder',
    'a folder cannot be removed: 198',
    once([13, REMOVE], () => named(text('conformance')), { status: S.INVALID_PARAMETER }),
    { note: 'public servers answer 194' },
  ],
  ...[GET, REMOVE].map(
    (command): CaseRow => [
      `${command}/wrong-key`,
      'another admin key: 38',
      once([13, command], (talk) => named(text('hello.txt'), talk.bytes('key', 16)), {
        status: S.ADMIN_AUTH,
      }),
    ],
  ),
  [
    '134/wrong-key',
    'another admin key: 38',
    once([13, PUT], (talk) => putOf(objectPath(talk), text('abc'), talk.bytes('key', 16)), {
      status: S.ADMIN_AUTH,
    }),
    FORMULA,
  ],
  ...outside.flatMap(([name, path, statuses]): CaseRow[] => [
    [
      `135/outside-${name}`,
      `nothing outside of the folder is read: ${path}`,
      once([13, GET], () => named(text(path)), { status: statuses }),
      { section: '9 Filesystem, 11' },
    ],
    [
      `136/outside-${name}`,
      `nothing outside of the folder is removed: ${otherOf(path)}`,
      once([13, REMOVE], () => named(text(otherOf(path))), { status: statuses }),
      { section: '9 Filesystem, 11' },
    ],
  ]),
  [
    '134/outside',
    'nothing outside of the folder is written',
    once([13, PUT], () => putOf(text('../Folders2/new.txt'), text('abc')), {
      status: S.ADMIN_AUTH,
    }),
    { ...FORMULA, section: '9 Filesystem, 11' },
  ],
];

export const filesystemCases: ConformanceCase[] = casesOf(
  'raida/13',
  { section: '9 Filesystem' },
  objectRows,
);
