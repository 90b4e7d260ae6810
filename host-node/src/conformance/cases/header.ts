/** Header checks: each refusal, and which of two comes first (reference section 1). */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type CaseRow, type ConformanceCase, casesOf } from '../case.ts';
import { NO_PAGE } from '../coins.ts';
import { coinName, join, u16 } from '../wire.ts';

type Patch = readonly (readonly [number, Uint8Array])[];
const at = (offset: number, ...bytes: number[]) => [offset, Uint8Array.from(bytes)] as const;
const own = (group: number) => at(4, group);

const VERSION = at(0, 2);
const SPLIT = at(1, 1);
const RAIDA = at(2, 26);
const SHARD = at(3, 4);
const GROUP = at(4, 16);
const COMMAND = at(5, 99);
const COIN = at(6, 0, 5);
const UNKNOWN_KEY = [at(16, 1), [17, coinName(NO_PAGE)] as const] as const;

/** One header that is refused: echo without a body, with these bytes changed. */
function refused(
  [name, title]: readonly [string, string],
  patch: Patch,
  status: number,
  more: Partial<ConformanceCase> = {},
): CaseRow {
  const fields = { group: 0, command: 0, payload: null, patch };
  return [name, title, async (talk) => void (await talk.ask(fields, { status })), more];
}

/** A header that is not refused for these bytes: echo succeeds. */
function ignored(name: string, title: string, patch: Patch): CaseRow {
  return refused([name, title], patch, Status.SUCCESS);
}

const S = Status;
const SPEC_ONLY = { wires: ['spec'] } as const;
const LEGACY_ONLY = { wires: ['legacy'] } as const;

const rows: CaseRow[] = [
  refused(['version-0', 'router version 0 is refused with 255'], [at(0, 0)], S.INVALID_ROUTING),
  refused(['version-2', 'router version 2 is refused with 255'], [VERSION], S.INVALID_ROUTING),
  refused(['split', 'a split id other than 0 is refused with 2'], [SPLIT], S.INVALID_SPLIT_ID),
  refused(['split-255', 'split id 255 is refused with 2'], [at(1, 255)], S.INVALID_SPLIT_ID),
  refused(['raida', 'the number of no server is refused with 3'], [RAIDA], S.INVALID_RAIDA_ID),
  [
    'raida-neighbour',
    'the number of another server is refused with 3',
    async (talk) => {
      const patch = [at(2, (talk.raidaId + 1) % 25)];
      await talk.ask(
        { group: 0, command: 0, payload: null, patch },
        { status: S.INVALID_RAIDA_ID },
      );
    },
  ],
  refused(['shard', 'a shard above 3 is refused with 4'], [SHARD], S.INVALID_SHARD_ID),
  refused(['shard-255', 'shard 255 is refused with 4'], [at(3, 255)], S.INVALID_SHARD_ID),
  refused(['group-16', 'group 16 is refused with 5'], [GROUP], S.INVALID_COMMAND_GROUP),
  refused(['group-255', 'group 255 is refused with 5'], [at(4, 255)], S.INVALID_COMMAND_GROUP),
  refused(
    ['group-14-spec', 'the highest group is 13'],
    [own(14)],
    S.INVALID_COMMAND_GROUP,
    SPEC_ONLY,
  ),
  refused(
    ['group-15-spec', 'group 15 is refused with 5'],
    [own(15)],
    S.INVALID_COMMAND_GROUP,
    SPEC_ONLY,
  ),
  refused(
    ['group-15-legacy', 'group 15 has no commands: 6'],
    [own(15)],
    S.INVALID_COMMAND,
    LEGACY_ONLY,
  ),
  refused(
    ['command', 'a command that does not exist is refused with 6'],
    [COMMAND],
    S.INVALID_COMMAND,
  ),
  refused(
    ['command-of-group-1', 'a command of another group does not exist'],
    [at(4, 1, 0)],
    S.INVALID_COMMAND,
  ),
  ...[5, 6, 7].map((group) =>
    refused([`group-${group}`, `group ${group} is empty: 6`], [own(group)], S.INVALID_COMMAND),
  ),
  refused(['coin', 'another coin id is refused with 7'], [COIN], S.INVALID_COIN_ID),
  refused(['coin-16-bits', 'the coin id is compared as 16 bits'], [at(6, 1, 6)], S.INVALID_COIN_ID),

  refused(
    ['version-before-split', 'the version is checked before the split'],
    [VERSION, SPLIT],
    S.INVALID_ROUTING,
  ),
  refused(
    ['split-before-raida', 'the split before the RAIDA number'],
    [SPLIT, RAIDA],
    S.INVALID_SPLIT_ID,
  ),
  refused(
    ['raida-before-group', 'the RAIDA number before the group'],
    [RAIDA, GROUP],
    S.INVALID_RAIDA_ID,
  ),
  refused(
    ['group-before-shard', 'the group before the shard'],
    [GROUP, SHARD],
    S.INVALID_COMMAND_GROUP,
  ),
  refused(
    ['shard-before-command', 'the shard before the command'],
    [SHARD, COMMAND],
    S.INVALID_SHARD_ID,
  ),
  refused(
    ['command-before-coin', 'the command before the coin id'],
    [COMMAND, COIN],
    S.INVALID_COMMAND,
  ),
  refused(
    ['coin-before-key', 'the coin id before the key'],
    [COIN, ...UNKNOWN_KEY],
    S.INVALID_COIN_ID,
  ),

  ignored('presentation', 'byte 8 is ignored', [at(8, 0xff)]),
  ignored('application', 'bytes 9 and 10 are ignored', [at(9, 0xff, 0xfe)]),
  ignored('compression', 'bytes 11, 12 and 13 are ignored', [at(11, 1, 2, 3)]),
  ignored('packets', 'bytes 14 and 15 are ignored', [at(14, 7, 0)]),
  ignored('shard-3', 'shards up to 3 are taken', [at(3, 3)]),
  ignored('key-of-type-0', 'bytes 17 to 21 mean nothing in type 0', [[17, coinName(NO_PAGE)]]),

  [
    'command-before-type',
    'the command is checked before the encryption type',
    async (talk) => {
      const request = { group: 0, command: 99, payload: null, encryption: { type: 3 } } as const;
      await talk.ask(request, { status: S.INVALID_COMMAND });
    },
    {
      section: '1.1, 4',
      level: 'SHOULD',
      note: 'the status must be; public servers answer it with a header of 32 bytes',
    },
  ],
  ...([3, 6, 255] as const).map(
    (type): CaseRow => [
      `type-${type}`,
      `encryption type ${type} does not exist: 27`,
      async (talk) => {
        const request = { group: 0, command: 0, payload: null, encryption: { type } };
        await talk.ask(request, { status: S.INVALID_ENCRYPTION_CODE });
      },
      {
        section: '1.2, 4.2',
        note: 'public servers expect and send 48 header bytes for every type but 0, 1 and 2',
      },
    ],
  ),
  ...([4, 5] as const).map(
    (type): CaseRow => [
      `type-${type}-off`,
      `encryption type ${type} is refused with 27 where it is not switched on`,
      async (talk) => {
        const coin = talk.coin(0);
        const second = talk.coin(1);
        const encryption = type === 4 ? { type, coin } : { type, coin, second };
        const request = { group: 0, command: 0, payload: null, encryption };
        await talk.ask(request, { status: S.INVALID_ENCRYPTION_CODE });
      },
      { modern: false, level: 'SHOULD', note: 'public servers always take types 4 and 5' },
    ],
  ),
  [
    'echo-bytes',
    'bytes 30 and 31 come back in bytes 6 and 7',
    async (talk) => {
      for (const echo of [0, 1, 0xfffe]) {
        const patch = [[30, u16(echo)]] as const;
        await talk.ask({ group: 0, command: 0, payload: null, patch }, { status: S.SUCCESS });
      }
    },
    { section: '1.1, 4.1' },
  ],
  [
    'size-ffff',
    'body size ffff means 65535 and nothing else',
    async (talk) => {
      const sent = talk.build({
        group: 0,
        command: 0,
        payload: Buffer.alloc(65535 - 18),
      });
      await talk.askBytes(sent, { status: S.SUCCESS });
    },
    { section: '1.3', transports: ['tcp'] },
  ],
  [
    'raida-first',
    'a reply names the server in byte 0 and the group in byte 3',
    async (talk) => {
      const request = { group: 4, command: 42, payload: join(Buffer.from('x')) };
      await talk.ask(request, { status: S.SUCCESS });
    },
    { section: '4.1' },
  ],
];

export const headerCases: ConformanceCase[] = casesOf('raida/header', { section: '1.1' }, rows);
