/**
 * What a server made of a command: a value, or a typed reason why there is none. A reply that is
 * not exactly as the reference has it is an error of that server, never a value.
 */
import { Status, statusName } from '../engine/generated/status.ts';
import { type NoAnswer, otherStatus } from './answers.ts';
import { type RaidaReply, ReplyError } from './codec.ts';

/** The server answered, and the answer is no: `wireStatus` says why (RAIDA section 6). */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly code = 'ANDVARI_REFUSED';
  readonly raidaId: number;
  /** Status byte of the reply. */
  readonly wireStatus: number;

  constructor(raidaId: number, wireStatus: number) {
    super(`RAIDA ${raidaId} refused: ${statusName(wireStatus)} (${wireStatus})`);
    this.raidaId = raidaId;
    this.wireStatus = wireStatus;
  }
}

export interface ServerPass<Value> {
  raidaId: number;
  status: 'pass';
  wireStatus: number;
  value: Value;
}

export interface ServerMiss {
  raidaId: number;
  /** `fail`: the reply is 242, the protocol's own no. Else why the answer says nothing. */
  status: 'fail' | NoAnswer;
  /** Status byte of the reply, if there was one that could be trusted. */
  wireStatus?: number;
  /** RefusedError, ReplyError or TransportError: each has a stable `code`. */
  error: Error;
}

/** One server's answer. */
export type ServerOutcome<Value> = ServerPass<Value> | ServerMiss;

/** The value of an answer; throws its error if it has none. */
export function resultOf<Value>(outcome: ServerOutcome<Value>): Value {
  if (outcome.status === 'pass') return outcome.value;
  throw outcome.error;
}

/** The answers that have a value. */
export function passed<Value>(
  outcomes: readonly ServerOutcome<Value>[],
): readonly ServerPass<Value>[] {
  return outcomes.filter((outcome) => outcome.status === 'pass');
}

/** A command without a list of coins that can be cut in parts. */
export interface Command<Value> {
  group: number;
  command: number;
  /** A payload of its own for each call, wiped after use; left out: the header alone. */
  payload?(raidaId: number): Uint8Array;
  /** Statuses whose reply carries a value. */
  good: readonly number[];
  /** The value; undefined or RangeError: no server may answer that. */
  read(reply: RaidaReply, raidaId: number): Value | undefined;
}

/** What a reply that could be trusted says. */
export function outcomeOf<Value>(
  command: Command<Value>,
  raidaId: number,
  { reply, encrypted }: { reply: RaidaReply; encrypted: boolean },
): ServerOutcome<Value> {
  const { status: wireStatus } = reply;
  if (!command.good.includes(wireStatus)) {
    const error = new RefusedError(raidaId, wireStatus);
    if (wireStatus === Status.ALL_FAIL && reply.payload.length === 0) {
      return { raidaId, status: 'fail', wireStatus, error };
    }
    const { status } = otherStatus(wireStatus, encrypted);
    return { raidaId, status: status as NoAnswer, wireStatus, error };
  }
  const value = readWhole(command, reply, raidaId);
  if (value !== undefined) return { raidaId, status: 'pass', wireStatus, value };
  const error = new ReplyError(Status.REPLY_SIZE);
  return { raidaId, status: 'error', wireStatus, error };
}

function readWhole<Value>(
  command: Command<Value>,
  reply: RaidaReply,
  raidaId: number,
): Value | undefined {
  try {
    return command.read(reply, raidaId);
  } catch (error) {
    // The reader ran past the end.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** For replies that say all with their status. */
export function readNothing({ payload }: RaidaReply): true | undefined {
  return payload.length === 0 ? true : undefined;
}
