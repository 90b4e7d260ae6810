/**
 * A case without a server: its requests as far as they are the same in every run, for implementers
 * who want the bytes. The first request that needs something of an earlier reply ends it.
 */
import type { ConformanceCase } from './case.ts';
import { Conversation, type Expected, type Reply, type Subject } from './conversation.ts';
import type { NumberedCase } from './suite.ts';
import type { Received } from './target.ts';
import type { Sent } from './wire.ts';

export interface RehearsedStep {
  request: string;
  /** What the reply may be; missing: silence is wanted. */
  statuses?: readonly number[];
  /** The reply's payload in clear, where it is one and the same. */
  payload?: string;
}

export interface RehearsedCase {
  steps: RehearsedStep[];
  /** All requests are here. */
  complete: boolean;
}

/** A reply was looked into. */
class CurtainError extends Error {
  readonly code = 'ANDVARI_CURTAIN';
}

const curtain = (): never => {
  throw new CurtainError('not in a rehearsal');
};

class Rehearsal extends Conversation {
  readonly steps: RehearsedStep[] = [];

  override async askBytes(sent: Sent, { status, payload }: Expected): Promise<Reply> {
    this.nextStep();
    const statuses = typeof status === 'number' ? [status] : status;
    const isFixed = typeof payload !== 'function';
    const right = isFixed ? Buffer.from(payload ?? []) : undefined;
    const request = sent.bytes.toString('hex');
    this.steps.push({ request, statuses, ...(right ? { payload: right.toString('hex') } : {}) });
    return {
      get status() {
        return statuses.length === 1 ? statuses[0]! : curtain();
      },
      get payload() {
        return right ?? curtain();
      },
      get header() {
        return curtain();
      },
    };
  }

  override async silence(bytes: Buffer): Promise<void> {
    this.nextStep();
    this.steps.push({ request: bytes.toString('hex') });
  }

  override async rawReply(bytes: Buffer, expected: Buffer): Promise<void> {
    this.nextStep();
    const [request, payload] = [bytes.toString('hex'), expected.toString('hex')];
    this.steps.push({ request, payload });
  }

  override async untilClosed(sent: Sent, surplus: Uint8Array): Promise<Received> {
    this.nextStep();
    this.steps.push({ request: Buffer.concat([sent.bytes, surplus]).toString('hex') });
    return curtain();
  }

  override async messages(pieces: readonly Uint8Array[]): Promise<Received> {
    this.nextStep();
    for (const piece of pieces) this.steps.push({ request: Buffer.from(piece).toString('hex') });
    return curtain();
  }
}

/** The requests of a case, as far as they are fixed. */
export async function rehearse(
  { case: one, block }: NumberedCase,
  subject: Subject,
): Promise<RehearsedCase> {
  const talk = new Rehearsal({
    caseId: one.id,
    block,
    subject,
    patience: { replyMs: 0, silenceMs: 0 },
    exchange: curtain,
  });
  try {
    await one.run(talk);
    return { steps: talk.steps, complete: true };
  } catch {
    // A reply was looked into, or the case does not apply without a server.
    return { steps: talk.steps, complete: false };
  }
}

/** What a list says of a case. */
export function describeCase({ case: one }: NumberedCase): Omit<ConformanceCase, 'run'> {
  const { run: _, ...facts } = one;
  return facts;
}
