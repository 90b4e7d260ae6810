/**
 * Body sizes of every command (reference section 9): no body 36, wrong size 16, not divisible 39,
 * too many coins in a list of 5 bytes a coin 45. Sizes are judged before anything else.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { ConformanceCase } from '../case.ts';
import type { Conversation } from '../conversation.ts';
import { ADMIN_KEY } from '../state.ts';

interface Sizes {
  /** Group and command. */
  name: readonly [number, number];
  section: string;
  /** Payload bytes of the shortest right request. */
  least: number;
  /** Bytes of a coin, for lists. */
  step?: number;
  /** One byte more than `least` is wrong. */
  exact?: true;
  /** Payload bytes in front of and behind a list of 5 bytes a coin, of which 4096 are allowed. */
  around?: number;
  /** Where the admin key stands, so that it is right and the size alone is wrong. */
  keyAt?: number;
  more?: Partial<ConformanceCase>;
}

const UNCHECKED = {
  level: 'SHOULD',
  note: 'public servers do not check the size (defect 19)',
} as const;
const LEGACY = { wires: ['legacy'] } as const;

const table: readonly Sizes[] = [
  { name: [0, 2], keyAt: 0, section: '9 Status', least: 16, more: UNCHECKED },
  { name: [1, 10], section: '9 Auth', least: 21, step: 21 },
  { name: [1, 11], section: '9 Auth', least: 21, step: 5, around: 16 },
  { name: [1, 20], section: '9 Auth', least: 37, step: 37 },
  { name: [1, 21], section: '9 Auth', least: 37, step: 5, around: 32 },
  { name: [2, 40], section: '9 Healing', least: 21, step: 21 },
  { name: [2, 50], section: '9 Healing', least: 5, exact: true },
  { name: [2, 60], section: '9 Healing', least: 37, step: 37 },
  { name: [2, 80], section: '9 Healing', least: 121, step: 5, around: 116 },
  { name: [3, 120], keyAt: 4, section: '9 Executive', least: 36, exact: true },
  { name: [3, 130], keyAt: 4, section: '9 Executive', least: 25, step: 5, around: 20 },
  { name: [3, 140], keyAt: 0, section: '9 Executive', least: 37, step: 21 },
  { name: [3, 150], keyAt: 4, section: '9 Executive', least: 25, step: 5, around: 20 },
  { name: [3, 160], keyAt: 0, section: '9 Executive', least: 17, exact: true },
  { name: [4, 41], section: '9 Key exchange', least: 167, exact: true },
  { name: [4, 43], section: '9 Key exchange', least: 37, exact: true },
  { name: [4, 44], section: '9 Key exchange', least: 5 },
  { name: [4, 45], section: '9 Key exchange', least: 31, step: 26 },
  { name: [8, 81], section: '9 Locker', least: 16, exact: true, more: UNCHECKED },
  { name: [8, 82], section: '9 Locker', least: 37, step: 5, around: 32 },
  { name: [8, 83], section: '9 Locker', least: 16, exact: true },
  { name: [8, 84], section: '9 Locker', least: 37, step: 21 },
  { name: [8, 85], section: '9 Locker', least: 166, step: 5, around: 161 },
  { name: [8, 86], section: '9 Locker', least: 2, exact: true },
  { name: [8, 87], section: '9 Locker', least: 78, more: UNCHECKED },
  { name: [8, 88], section: '9 Locker', least: 1 },
  { name: [8, 89], section: '9 Locker', least: 16, exact: true, more: UNCHECKED },
  { name: [9, 91], section: '9 Change', least: 6, exact: true },
  { name: [9, 92], section: '9 Change', least: 235, exact: true },
  { name: [9, 93], section: '9 Change', least: 235, exact: true },
  { name: [10, 170], section: '9 Shard', least: 27, step: 5 },
  { name: [10, 171], section: '9 Shard', least: 25, step: 5, around: 20 },
  { name: [10, 172], section: '9 Shard', least: 21, exact: true },
  { name: [10, 174], section: '9 Shard', least: 32 },
  { name: [11, 110], section: '9 Crossover', least: 77 },
  { name: [11, 111], section: '9 Crossover', least: 68 },
  { name: [11, 112], section: '9 Crossover', least: 70 },
  { name: [11, 114], section: '9 Crossover', least: 3, exact: true },
  { name: [12, 120], section: '9 RPC', least: 4 },
  { name: [13, 134], keyAt: 0, section: '9 Filesystem', least: 20 },
  { name: [13, 135], keyAt: 0, section: '9 Filesystem', least: 16, more: UNCHECKED },
  { name: [13, 136], keyAt: 0, section: '9 Filesystem', least: 16, more: UNCHECKED },
  { name: [14, 2], section: '9 Integrity', least: 9, exact: true, more: LEGACY },
  { name: [14, 5], section: '9 Integrity', least: 480, exact: true, more: LEGACY },
];

const COINS_MAX = 4096;

function casesOfCommand({ name, section, least, step, exact, around, keyAt, more }: Sizes) {
  const [group, command] = name;
  const cases: ConformanceCase[] = [];
  const add = (
    [what, title]: readonly [string, string],
    bytes: number | undefined,
    status: number,
    also: Partial<ConformanceCase> = {},
  ) => {
    const run = async (talk: Conversation) => {
      const payload = bytes === undefined ? null : Buffer.alloc(bytes);
      if (payload && keyAt !== undefined) ADMIN_KEY.copy(payload, keyAt);
      await talk.ask({ group, command, payload, encryption: talk.sealed() }, { status });
    };
    const id = `raida/${group}/${command}/${what}`;
    cases.push({ level: 'MUST', section, ...more, ...also, id, title, run });
  };
  const must = { level: 'MUST' as const };
  add(
    ['no-body', 'a request without a body is refused with 36'],
    undefined,
    Status.EMPTY_REQUEST,
    must,
  );
  const wrong = Status.INVALID_PACKET_LENGTH;
  if (least > 1)
    add(['short', `a payload of ${least - 1} bytes is refused with 16`], least - 1, wrong);
  if (exact) add(['long', `a payload of ${least + 1} bytes is refused with 16`], least + 1, wrong);
  if (step !== undefined) {
    const title = `a list that is not divisible by ${step} is refused with 39`;
    add(['not-divisible', title], least + 1, Status.COINS_NOT_DIVISIBLE);
  }
  if (around !== undefined) {
    add(
      ['too-many-coins', `a list of ${COINS_MAX + 1} coins is refused with 45`],
      around + 5 * (COINS_MAX + 1),
      Status.TOO_MANY_COINS,
      { transports: ['tcp'], level: 'SHOULD', note: 'the limit of 4096 coins is ours' },
    );
  }
  return cases;
}

export const sizeCases: ConformanceCase[] = table.flatMap(casesOfCommand);
