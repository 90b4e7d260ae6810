/** A case's conversation with a server: requests out, replies measured byte by byte. */
import { Status } from '@andvari/host-common/engine/generated/status';
import { ConformanceFailure, type Evidence, Inapplicable } from './finding.ts';
import { IN_USE_RECORDS, PAGE_RECORDS, stateAn } from './state.ts';
import type { ExchangeOptions, Received, Target } from './target.ts';
import {
  buildReply,
  buildRequest,
  type Coin,
  type Encryption,
  type KnownCoin,
  openReply,
  REPLY_EXTRA_BYTES,
  type ReplyFacts,
  type RequestFields,
  replyBytes,
  type Sent,
  sha256,
  type Wire,
} from './wire.ts';

/** The server under test, as the user described it. */
export interface Subject {
  target: Target;
  wire: Wire;
  modern: boolean;
  raidaId: number;
  coinId: number;
}

/** What is right for a reply. */
export interface Expected {
  /** One of several: any of them is right. */
  status: number | readonly number[];
  /**
   * Default: empty. A function gets the payload that came and gives the right one, with the bytes
   * that the server chooses taken over, or says what is wrong.
   */
  payload?: Uint8Array | ((came: Buffer) => Uint8Array | string);
  /** How far the server reads before it answers; default: as the status usually tells. */
  read?: ReplyFacts['read'];
  /** Wire legacy over UDP: unused fields are zero. Told by few cases, so that one fault is one. */
  strict?: boolean;
}

export interface Reply {
  readonly status: number;
  /** In clear. */
  readonly payload: Buffer;
  readonly header: Buffer;
}

/** Sends and gives what came. */
export type Exchange = (
  pieces: readonly Uint8Array[],
  options: Omit<ExchangeOptions, 'signal'>,
) => Promise<Received>;

export interface Patience {
  replyMs: number;
  /** How long silence lasts before it counts. */
  silenceMs: number;
}

/** What is read of a reply behind the longest that is right, so that a report shows some of it. */
const SURPLUS_BYTES = 64;
/** Longest reply whose payload the server chooses. */
const CHOSEN_BYTES_MAX = 64 * 1024;

/** Repetitions of a datagram without a reply; only of requests that change nothing. */
const RETRANSMISSIONS = 2;
const REPEATABLE = new Set(
  [
    '0/0',
    '0/1',
    '0/2',
    '0/3',
    '1/10',
    '1/11',
    '2/60',
    '4/42',
    '4/43',
    '8/81',
    '8/83',
    '8/86',
  ].concat(['10/172', '12/120', '13/135', '3/160', '14/2', '14/5']),
);

/** Statuses that a header check gives. */
const HEADER_STATUSES: readonly number[] = [
  Status.INVALID_ROUTING,
  Status.INVALID_SPLIT_ID,
  Status.INVALID_RAIDA_ID,
  Status.INVALID_SHARD_ID,
  Status.INVALID_COMMAND_GROUP,
  Status.INVALID_COMMAND,
  Status.INVALID_COIN_ID,
  Status.INVALID_ENCRYPTION_CODE,
];
const KEY_STATUSES: readonly number[] = [
  Status.INVALID_ENCRYPTION,
  Status.ENCRYPTION_COIN_NOT_FOUND,
];

/** Coins of a case in each denomination. */
const COINS_PER_CASE = 10;
export const BLOCKS_PER_PAGE = Math.floor(IN_USE_RECORDS / COINS_PER_CASE);
/** Pages whose free records the suite leaves alone, so that their ANs stay known. */
export const KNOWN_FREE_PAGE = 6;

export interface ConversationOptions {
  caseId: string;
  /** The case's serial numbers: 10 in each denomination, and no other case has them. */
  block: number;
  subject: Subject;
  patience: Patience;
  exchange: Exchange;
}

export class Conversation {
  readonly caseId: string;
  readonly subject: Subject;
  /** Done after the case, in reverse order, whether or not it passed. */
  readonly cleanups: (() => Promise<void>)[] = [];
  readonly #block: number;
  readonly #patience: Patience;
  readonly #exchange: Exchange;
  #step = 0;

  constructor({ caseId, block, subject, patience, exchange }: ConversationOptions) {
    this.caseId = caseId;
    this.#block = block;
    this.subject = subject;
    this.#patience = patience;
    this.#exchange = exchange;
  }

  get wire(): Wire {
    return this.subject.wire;
  }

  get raidaId(): number {
    return this.subject.raidaId;
  }

  /** Coin 0-9 of this case in a denomination: in use, with the AN of the state. */
  coin(index: number, denomination = 0): KnownCoin {
    const page = Math.floor(this.#block / BLOCKS_PER_PAGE);
    const record = (this.#block % BLOCKS_PER_PAGE) * COINS_PER_CASE + index;
    return this.stateCoin({ denomination, serialNumber: page * PAGE_RECORDS + record });
  }

  coins(count: number, denomination = 0): KnownCoin[] {
    return Array.from({ length: count }, (_, index) => this.coin(index, denomination));
  }

  /** A free record whose AN is known: nothing may take it for a coin. */
  freeCoin(index: number, denomination = 0): KnownCoin {
    const record = (this.#block % BLOCKS_PER_PAGE) * COINS_PER_CASE + index + IN_USE_RECORDS;
    const serialNumber = KNOWN_FREE_PAGE * PAGE_RECORDS + record;
    return this.stateCoin({ denomination, serialNumber });
  }

  stateCoin(coin: Coin): KnownCoin {
    return { ...coin, an: stateAn(this.raidaId, coin) };
  }

  /** The case's last coin, that encrypts. */
  get keyCoin(): KnownCoin {
    return this.coin(COINS_PER_CASE - 1);
  }

  /** Encryption type 1. */
  sealed(): Encryption {
    return { type: 1, coin: this.keyCoin };
  }

  /** Bytes that belong to this case alone and are the same in every run; up to 32. */
  bytes(label: string | number, count: number): Buffer {
    return sha256(`andvari-conformance:${this.caseId}:${label}`).subarray(0, count);
  }

  /** Another AN for a coin. */
  newAn(label: string | number): Buffer {
    return this.bytes(`an:${label}`, 16);
  }

  lockerKey(label: string | number = 0): Buffer {
    return Buffer.concat([this.bytes(`locker:${label}`, 12), Buffer.alloc(4, 0xff)]);
  }

  /** Builds a request; the same bytes in every run. */
  build(fields: RequestFields): Sent {
    const step = this.#step + 1;
    const { raidaId, coinId, modern } = this.subject;
    const nonce = this.bytes(`nonce:${step}`, 24);
    const challenge = this.bytes(`challenge:${step}`, 12);
    return buildRequest(this.wire, fields, { raidaId, coinId, modern, nonce, challenge });
  }

  /** Sends a request and measures the reply. Throws ConformanceFailure. */
  ask(fields: RequestFields, expected: Expected): Promise<Reply> {
    return this.askBytes(this.build(fields), expected);
  }

  /** The same for a request that was built before, in pieces if given. */
  async askBytes(sent: Sent, expected: Expected, pieces?: readonly Buffer[]): Promise<Reply> {
    const step = this.nextStep();
    const name = `${sent.header[4]}/${sent.header[5]}`;
    const received = await this.#exchange(pieces ?? [sent.bytes], {
      timeoutMs: this.#patience.replyMs,
      retransmissions: REPEATABLE.has(name) && !pieces ? RETRANSMISSIONS : 0,
      wanted: (came) => replyBytes(sent.replyHeaderBytes, came),
      bytesMax: bytesMaxOf(sent, expected),
    });
    return measure(this.subject, { step, sent, expected, received });
  }

  /** Sends bytes and wants no reply: nothing, or on TCP the end of the connection. */
  async silence(bytes: Buffer): Promise<void> {
    const step = this.nextStep();
    const timeoutMs = this.#patience.silenceMs;
    const options = { timeoutMs, retransmissions: 0, bytesMax: SURPLUS_BYTES };
    const { bytes: came } = await this.#exchange([bytes], options);
    if (came.length === 0) return;
    throw new ConformanceFailure('wanted silence', { step, request: bytes, received: came });
  }

  /** Sends bytes that are no request and wants exactly these back. */
  async rawReply(bytes: Buffer, expected: Buffer): Promise<void> {
    const step = this.nextStep();
    const { bytes: received } = await this.#exchange([bytes], {
      timeoutMs: this.#patience.replyMs,
      retransmissions: RETRANSMISSIONS,
      bytesMax: expected.length + SURPLUS_BYTES,
    });
    if (received.equals(expected)) return;
    const problem = received.length > 0 ? 'the reply differs' : 'no reply';
    const evidence = { step, request: bytes, expected, received };
    throw new ConformanceFailure(`step ${step}: ${problem}`, evidence);
  }

  /** Sends a request and gives all that comes until the server closes the connection. */
  async untilClosed(sent: Sent, surplus: Uint8Array): Promise<Received> {
    this.nextStep();
    return await this.#exchange([Buffer.concat([sent.bytes, surplus])], {
      timeoutMs: this.#patience.replyMs,
      retransmissions: 0,
      // Room for a second reply, which is wrong.
      bytesMax: 2 * bytesMaxOf(sent, { status: Status.SUCCESS }),
    });
  }

  /** Messages on one WebSocket: until `count` have come, or the server closes. */
  async messages(
    pieces: readonly Uint8Array[],
    { count, isText = false }: { count: number; isText?: boolean },
  ): Promise<Received> {
    this.nextStep();
    const limits = { timeoutMs: this.#patience.replyMs, messagesMax: count };
    return await this.#exchange(pieces, { ...limits, retransmissions: 0, isText });
  }

  /** Measures a reply that untilClosed() or messages() gave. */
  measure(sent: Sent, expected: Expected, received: Received): Reply {
    return measure(this.subject, { step: this.#step, sent, expected, received });
  }

  /** Fails the case for what several replies tell together. */
  fail(problem: string): never {
    throw new ConformanceFailure(problem);
  }

  /** Requests are counted from 1. */
  protected nextStep(): number {
    return ++this.#step;
  }

  /** Ends the case without a verdict. */
  inapplicable(why: string): never {
    throw new Inapplicable(why);
  }
}

interface Measurement {
  step: number;
  sent: Sent;
  expected: Expected;
  received: Received;
}

function readOf(status: number): ReplyFacts['read'] {
  if (HEADER_STATUSES.includes(status)) return 'header';
  return KEY_STATUSES.includes(status) ? 'key' : 'body';
}

/** What is read of a reply at most; some surplus belongs to it, to be shown. */
function bytesMaxOf({ replyHeaderBytes }: Sent, { payload }: Expected): number {
  if (typeof payload === 'function') return CHOSEN_BYTES_MAX;
  return replyHeaderBytes + (payload?.length ?? 0) + REPLY_EXTRA_BYTES + SURPLUS_BYTES;
}

const FAULTS = {
  overlong: 'the reply is longer than expected',
  unfinished: 'the reply does not end in time',
} as const;

/** Compares a reply with the one that is right. Throws ConformanceFailure. */
function measure(
  { wire, raidaId, target }: Subject,
  { step, sent, expected, received }: Measurement,
): Reply {
  const came = received.bytes;
  const statuses = typeof expected.status === 'number' ? [expected.status] : expected.status;
  const opened = openReply(wire, sent, came);
  const status = statuses.find((one) => one === opened.status) ?? statuses[0]!;
  const given =
    typeof expected.payload === 'function' ? expected.payload(opened.payload) : expected.payload;
  const payload =
    typeof given === 'object'
      ? given
      : typeof given === 'string'
        ? opened.payload
        : Buffer.alloc(0);
  const lenient = target.transport === 'udp' && expected.strict !== true;
  const facts = { raidaId, status, payload, read: expected.read ?? readOf(status), lenient };
  const right = buildReply(wire, sent, facts, came);
  const evidence: Evidence = { step, request: sent.bytes, expected: right, received: came };
  if (sent.key.length > 0) evidence.clear = opened.payload;
  if (came.length === 0) {
    const why = received.problem === undefined ? '' : ` (${received.problem})`;
    throw new ConformanceFailure(`step ${step}: no reply${why}`, evidence);
  }
  const faults: string[] = [];
  if (received.fault) faults.push(FAULTS[received.fault]);
  if (opened.status !== status) {
    faults.push(`status ${opened.status}, wanted ${statuses.join(' or ')}`);
  }
  if (faults.length > 0) {
    throw new ConformanceFailure(`step ${step}: ${faults.join(', ')}`, evidence);
  }
  if (typeof given === 'string') {
    const { expected: _, ...rest } = evidence;
    throw new ConformanceFailure(`step ${step}: ${given}`, rest);
  }
  if (!right.equals(came)) {
    const problem =
      right.length === came.length
        ? `step ${step}: the reply differs`
        : `step ${step}: a reply of ${came.length} bytes, wanted ${right.length}`;
    throw new ConformanceFailure(problem, evidence);
  }
  return { status, payload: opened.payload, header: opened.header };
}
