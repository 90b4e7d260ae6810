/**
 * What both sides do with their session: open the scenario's streams, write bytes that follow from
 * stream and offset, read and compare them. A byte that comes twice, out of order or wrong is an
 * error at once; one that does not come shows at the end.
 */
import { TransferEventKind } from '../../host-common/src/engine/generated/transfer.ts';
import type { EngineStreams } from '../../host-common/src/transfer/engine-streams.ts';
import type { TransferEventOf } from '../../host-common/src/transfer/engine-transfer.ts';
import type { Endpoint } from './endpoint.ts';
import type { StreamPlan } from './scenario.ts';

/** Bytes that are laid down at a time. */
const PIECE_BYTES = 16384;

/** When a stream that was refused is asked for again. */
const RETRY_US = 20000;

/** The byte at an offset of a plan's stream; an answer has other bytes. */
function byteAt(key: number, offset: number): number {
  return (Math.imul(offset + 1, 2654435761) ^ Math.imul(key + 1, 40503)) >>> 24;
}

function piece(key: number, offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => byteAt(key, offset + i));
}

/** Marks bytes that are read, each once. */
function note(seen: Uint8Array, offset: number, length: number): void {
  if (seen.subarray(offset, offset + length).includes(1)) throw new Error('read twice');
  if (offset + length > seen.length) throw new Error('more bytes than were sent');
  seen.fill(1, offset, offset + length);
}

interface Sending {
  stream: number;
  key: number;
  bytes: number;
  written: number;
  finished: boolean;
  /** No room was found: STREAM_WRITABLE is waited for. */
  blocked: boolean;
}

interface Receiving {
  stream: number;
  key: number;
  bytes: number;
  read: number;
  /** Of a stream that is read in any order: the bytes that came. */
  seen: Uint8Array | undefined;
  finished: boolean;
  /** Answer when it is complete. */
  answers: boolean;
}

export class Workload {
  readonly session: number;
  /** Streams that were opened here and there, and are over. */
  gone = 0;
  closed: { code: number; byPeer: boolean } | undefined;
  sessionGone = false;
  rekeys = 0;
  migrations = 0;
  pongs = 0;
  received = 0;
  private readonly streams: EngineStreams;
  private readonly later: (action: () => void) => void;
  private readonly waiting: { plan: StreamPlan; number: number; due: boolean }[];
  private readonly sending: Sending[] = [];
  private readonly receiving: Receiving[] = [];
  private readonly plans: StreamPlan[];

  constructor(endpoint: Endpoint, session: number, plans: StreamPlan[], side: number) {
    this.later = (action) => endpoint.later(RETRY_US, action);
    this.streams = endpoint.transfer.streams;
    this.session = session;
    this.plans = plans;
    this.waiting = plans
      .map((plan, number) => ({ plan, number, due: false }))
      .filter(({ plan }) => plan.side === side);
  }

  /** A planned stream may be opened from now on. */
  release(number: number): void {
    const wanted = this.waiting.find((entry) => entry.number === number);
    if (wanted) wanted.due = true;
  }

  /** Everything that is ours to send has been handed over, and what was to come has come. */
  get complete(): boolean {
    if (this.waiting.length > 0) return false;
    return (
      this.sending.every(({ finished }) => finished) && this.receiving.every((r) => r.finished)
    );
  }

  /** Opens what is due and writes what finds room. */
  turn(): void {
    if (this.closed) return;
    for (const entry of [...this.waiting]) {
      if (!entry.due) continue;
      entry.due = false;
      if (this.open(entry.plan, entry.number)) this.waiting.splice(this.waiting.indexOf(entry), 1);
      else this.later(() => this.release(entry.number));
    }
    for (const one of this.sending) if (!one.blocked) this.write(one);
  }

  private open(plan: StreamPlan, number: number): boolean {
    const { bidi, priority, expedited } = plan;
    const metadata = new Uint8Array([number]);
    const stream = this.streams.open(this.session, { bidi, priority, expedited, metadata });
    if (stream === undefined) return false;
    const { bytes } = plan;
    this.sending.push({
      stream,
      key: 2 * number,
      bytes,
      written: 0,
      finished: false,
      blocked: false,
    });
    if (bidi) this.expect(stream, 2 * number + 1, bytes, false);
    return true;
  }

  private expect(stream: number, key: number, bytes: number, answers: boolean): void {
    const { unordered = false } = this.plans[key >> 1] ?? {};
    // A stream without a byte may be over before its opening is told.
    if (unordered && !this.streams.setUnordered(stream) && bytes) throw new Error('not unordered');
    const seen = unordered ? new Uint8Array(bytes) : undefined;
    this.receiving.push({ stream, key, bytes, read: 0, seen, finished: false, answers });
  }

  private write(one: Sending): void {
    while (!one.finished) {
      const length = Math.min(PIECE_BYTES, one.bytes - one.written);
      const data = piece(one.key, one.written, length);
      const written = this.streams.write(one.stream, one.written, data);
      one.written += written;
      one.blocked = written < length;
      if (one.blocked) return;
      if (one.written === one.bytes) {
        if (!this.streams.finish(one.stream)) throw new Error('finish() was refused');
        one.finished = true;
      }
    }
  }

  private read(one: Receiving): void {
    this.streams.read(one.stream, (bytes, offset) => {
      if (one.seen) note(one.seen, offset, bytes.length);
      else if (offset !== one.read) throw new Error(`read at ${offset} instead of ${one.read}`);
      for (let i = 0; i < bytes.length; i++) {
        if (bytes[i] !== byteAt(one.key, offset + i))
          throw new Error(`byte ${offset + i} is wrong`);
      }
      one.read += bytes.length;
      this.received += bytes.length;
      if (one.read > one.bytes) throw new Error('more bytes than were sent');
    });
  }

  take(event: TransferEventOf): void {
    if (event.session !== this.session) throw new Error('an event of another session');
    switch (event.kind) {
      case TransferEventKind.STREAM_OPENED:
        this.opened(event);
        return;
      case TransferEventKind.STREAM_READABLE:
        this.readable(event.stream);
        return;
      case TransferEventKind.STREAM_WRITABLE:
        for (const one of this.sending) if (one.stream === event.stream) one.blocked = false;
        return;
      case TransferEventKind.STREAM_FINISHED:
        this.finished(event);
        return;
      case TransferEventKind.STREAM_GONE:
        this.gone++;
        return;
      case TransferEventKind.STREAM_RESET:
      case TransferEventKind.STREAM_STOPPED:
        throw new Error('nobody resets or stops a stream here');
      case TransferEventKind.REKEYED:
        this.rekeys++;
        return;
      case TransferEventKind.MIGRATED:
        this.migrations++;
        return;
      case TransferEventKind.PONG:
        this.pongs++;
        return;
      case TransferEventKind.CLOSED:
        this.closed = { code: event.code, byPeer: event.number === 1 };
        return;
      case TransferEventKind.SESSION_GONE:
        this.sessionGone = true;
    }
  }

  private opened(event: TransferEventOf): void {
    this.streams.accepted(event.session);
    const number = event.bytes?.[0];
    const plan = number === undefined ? undefined : this.plans[number];
    if (number === undefined || !plan) throw new Error('an unknown stream was opened');
    if (event.code !== plan.priority) throw new Error('another priority than was sent');
    this.expect(event.stream, 2 * number, plan.bytes, plan.bidi);
    this.readable(event.stream);
  }

  private readable(stream: number): void {
    const one = this.receiving.find((entry) => entry.stream === stream);
    if (one) this.read(one);
  }

  private finished(event: TransferEventOf): void {
    const one = this.receiving.find((entry) => entry.stream === event.stream);
    if (!one) throw new Error('an unknown stream finished');
    this.read(one);
    if (one.finished) throw new Error('finished twice');
    if (one.read !== one.bytes || event.value !== one.bytes) {
      throw new Error(`finished at ${one.read} (${event.value}) of ${one.bytes}`);
    }
    one.finished = true;
    if (!one.answers) return;
    this.sending.push({
      stream: one.stream,
      key: one.key + 1,
      bytes: one.bytes,
      written: 0,
      finished: false,
      blocked: false,
    });
  }
}
