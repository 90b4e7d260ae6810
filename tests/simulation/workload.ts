/**
 * What both sides do with their session: open the scenario's streams, write bytes that follow from
 * stream and offset, read and compare them. A byte that comes twice, out of order or wrong is an
 * error at once; one that does not come shows at the end.
 */
import {
  StreamResetError,
  TransferEventKind,
} from '../../host-common/src/engine/generated/transfer.ts';
import type { EngineStreams } from '../../host-common/src/transfer/engine-streams.ts';
import type { TransferEventOf } from '../../host-common/src/transfer/engine-transfer.ts';
import type { Endpoint } from './endpoint.ts';
import { type Reader, readerOf } from './reader.ts';
import type { Reading, StreamPlan } from './scenario.ts';

/** Bytes that are laid down at a time. */
const PIECE_BYTES = 16384;

/** When a stream that was refused is asked for again. */
const RETRY_US = 20000;

/** Bytes of all streams: each begins at a place of its own and goes round. A prime. */
const PATTERN_BYTES = 65521;
const PATTERN = Uint8Array.from({ length: PATTERN_BYTES + PIECE_BYTES }, (_, i) => {
  return Math.imul((i % PATTERN_BYTES) + 1, 2654435761) >>> 24;
});

/** Bytes from an offset of a stream on, up to PIECE_BYTES; an answer has other bytes. */
function piece(key: number, offset: number, length: number): Uint8Array {
  const at = (key * 7919 + offset) % PATTERN_BYTES;
  return PATTERN.subarray(at, at + length);
}

/** @throws Error if the bytes are not those of the stream */
function check(key: number, offset: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, bytes.length - at);
    const wanted = piece(key, offset + at, length);
    for (let i = 0; i < length; i++) {
      if (bytes[at + i] !== wanted[i]) throw new Error(`byte ${offset + at + i} is wrong`);
    }
  }
}

/** Marks bytes that are read, each once. */
function note(seen: Uint8Array, offset: number, length: number): void {
  if (seen.subarray(offset, offset + length).includes(1)) throw new Error('read twice');
  if (offset + length > seen.length) throw new Error('more bytes than were sent');
  seen.fill(1, offset, offset + length);
}

/** Half of them are; without a draw of its own, so that seeds stand for what they did. */
function isCompressed({ bytes }: StreamPlan): boolean {
  return (bytes & 1) === 1;
}

interface Sending {
  stream: number;
  key: number;
  bytes: number;
  written: number;
  /** Bytes after which it is given up. */
  resetAt: number;
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
  /** Something of it has come. */
  came: boolean;
  /** All that its sender says to have sent, once that has come. */
  total: number | undefined;
  /** Answer when it is complete. */
  answers: boolean;
  /** Bytes after which no more is wanted. */
  stopAt: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/** Where a plan's stream is cut short, if it is so. */
function cutAt({ cutShort, bytes }: StreamPlan, kind: 'reset' | 'stop'): number {
  return cutShort === kind ? bytes >> 1 : NEVER;
}

export class Workload {
  readonly session: number;
  /** Streams that were opened here and there, and are over. */
  gone = 0;
  closed = false;
  /** Called when all bytes of a stream that was not cut short have been acked. */
  acked: ((key: number, bytes: number) => void) | undefined;
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
  private readonly reader: Reader;

  constructor(
    endpoint: Endpoint,
    session: number,
    { plans, side, reading }: { plans: StreamPlan[]; side: number; reading: Reading },
  ) {
    this.reader = readerOf(reading, plans, side);
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
    const way = { bidi, priority, expedited, compress: isCompressed(plan) };
    const stream = this.streams.open(this.session, { ...way, metadata });
    if (stream === undefined) return false;
    const { bytes } = plan;
    this.send(stream, 2 * number, bytes, cutAt(plan, 'reset'));
    if (bidi) this.expect(stream, 2 * number + 1, bytes, false);
    return true;
  }

  private send(stream: number, key: number, bytes: number, resetAt: number): void {
    const state = { written: 0, finished: false, blocked: false };
    this.sending.push({ stream, key, bytes, resetAt, ...state });
  }

  private expect(stream: number, key: number, bytes: number, answers: boolean): void {
    const plan = this.plans[key >> 1];
    const unordered = plan?.unordered ?? false;
    const stopAt = plan && key % 2 === 0 ? cutAt(plan, 'stop') : NEVER;
    // A stream without a byte, or one that was given up, may be over before its opening is told.
    const isSet = !unordered || this.streams.setUnordered(stream);
    if (!isSet && bytes && !plan?.cutShort) throw new Error('not unordered');
    const seen = unordered ? new Uint8Array(bytes) : undefined;
    const state = { read: 0, came: false, finished: false, total: undefined };
    this.receiving.push({ stream, key, bytes, seen, answers, stopAt, ...state });
  }

  private write(one: Sending): void {
    while (!one.finished) {
      const length = Math.min(PIECE_BYTES, one.bytes - one.written);
      const data = piece(one.key, one.written, length);
      const written = this.streams.write(one.stream, one.written, data);
      one.written += written;
      if (one.written >= one.resetAt) {
        if (!this.streams.reset(one.stream, StreamResetError.RESOURCE_LIMIT)) {
          throw new Error('reset() was refused');
        }
        one.finished = true;
        return;
      }
      one.blocked = written < length;
      if (one.blocked) return;
      if (one.written === one.bytes) {
        const isStopped = this.plans[one.key >> 1]?.cutShort === 'stop';
        if (!this.streams.finish(one.stream) && !isStopped) throw new Error('finish() was refused');
        one.finished = true;
      }
    }
  }

  private read(one: Receiving): void {
    this.streams.read(one.stream, (bytes, offset) => {
      if (one.seen) note(one.seen, offset, bytes.length);
      else if (offset !== one.read) throw new Error(`read at ${offset} instead of ${one.read}`);
      check(one.key, offset, bytes);
      one.read += bytes.length;
      this.received += bytes.length;
      if (one.read > one.bytes) throw new Error('more bytes than were sent');
    });
    if (!one.finished && one.read >= one.stopAt && this.streams.stop(one.stream)) {
      one.finished = true;
    }
    if (!one.finished && one.total !== undefined) this.end(one, one.total);
  }

  /** Something has come of a stream, or its end: reads whatever has its turn now. */
  private readOn(stream: number): void {
    const one = this.receiving.find((entry) => entry.stream === stream);
    if (this.reader.readsAtOnce) {
      if (one) this.read(one);
      return;
    }
    if (one) one.came = true;
    for (;;) {
      const open = this.receiving.filter(({ finished }) => !finished);
      const turns = this.reader.turns(open);
      for (const one of turns) this.read(one);
      if (!turns.some(({ finished }) => finished)) return;
    }
  }

  take(event: TransferEventOf): void {
    if (event.session !== this.session) throw new Error('an event of another session');
    switch (event.kind) {
      case TransferEventKind.STREAM_OPENED:
        this.opened(event);
        return;
      case TransferEventKind.STREAM_READABLE:
        this.readOn(event.stream);
        return;
      case TransferEventKind.STREAM_WRITABLE:
        for (const one of this.sending) if (one.stream === event.stream) one.blocked = false;
        return;
      case TransferEventKind.STREAM_FINISHED:
        this.finished(event);
        return;
      case TransferEventKind.STREAM_GONE:
        this.streamGone(event.stream);
        return;
      case TransferEventKind.STREAM_RESET:
        this.givenUp(event);
        return;
      case TransferEventKind.STREAM_STOPPED:
        this.stopped(event.stream);
        return;
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
        this.closed = true;
    }
  }

  /** The peer gave a stream up: it must have been planned, or follow from our stop(). */
  private givenUp({ stream }: TransferEventOf): void {
    const one = this.receiving.find((entry) => entry.stream === stream);
    const plan = one && this.plans[one.key >> 1];
    if (!one || plan?.cutShort !== 'reset') throw new Error('a stream was reset unasked');
    one.finished = true;
    this.readOn(stream);
  }

  private stopped(stream: number): void {
    const one = this.sending.find((entry) => entry.stream === stream);
    const plan = one && this.plans[one.key >> 1];
    if (!one || plan?.cutShort !== 'stop') throw new Error('a stream was stopped unasked');
    one.finished = true;
  }

  /**
   * Nothing more happens on it: all that we sent has been acked. What was acked is not lost: the
   * reader has it, or has been told to take it.
   */
  private streamGone(stream: number): void {
    this.gone++;
    const one = this.sending.find((entry) => entry.stream === stream);
    const plan = one && this.plans[one.key >> 1];
    if (one && !plan?.cutShort) this.acked?.(one.key, one.bytes);
  }

  /** Bytes of a stream that the application here has read, if it reads all as it comes. */
  readOf(key: number): number | undefined {
    if (!this.reader.readsAtOnce) return undefined;
    return this.receiving.find((one) => one.key === key)?.read ?? 0;
  }

  private opened(event: TransferEventOf): void {
    this.streams.accepted(event.session);
    const number = event.bytes?.[0];
    const plan = number === undefined ? undefined : this.plans[number];
    if (number === undefined || !plan) throw new Error('an unknown stream was opened');
    if (event.code !== plan.priority) throw new Error('another priority than was sent');
    this.expect(event.stream, 2 * number, plan.bytes, plan.bidi);
    this.readOn(event.stream);
  }

  private finished(event: TransferEventOf): void {
    const one = this.receiving.find((entry) => entry.stream === event.stream);
    if (!one) throw new Error('an unknown stream finished');
    if (one.finished && one.read >= one.stopAt) return;
    if (one.finished) throw new Error('finished twice');
    one.total = event.value;
    this.readOn(one.stream);
  }

  /** All of it has come and has been read: it is what was sent, and is answered. */
  private end(one: Receiving, total: number): void {
    if (one.read !== one.bytes || total !== one.bytes) {
      throw new Error(`finished at ${one.read} (${total}) of ${one.bytes}`);
    }
    one.finished = true;
    if (one.answers) this.send(one.stream, one.key + 1, one.bytes, NEVER);
  }
}
