/**
 * Outcomes that are told before the tables of an answers file have them: a file beside it that the
 * process writes and nobody flushes. The wait for the disk is not the request's then, and a process
 * that is killed leaves what it has told all the same. What a machine loses that loses its power is
 * the outcome of a call that has begun, and whoever was told has it.
 */
import { randomInt } from 'node:crypto';
import { failedOutcome, type ServiceOutcome } from '../service-bus.ts';
import { AnswerJournal, GENERATIONS } from './answer-journal.ts';
import type { AnswerKey } from './answer-store.ts';

/** What is larger waits for the disk: to write it twice takes as long. */
const LARGE_BYTES = 65_536;
/** From so many on it is cleared as soon as nothing in it is needed any more, */
const MUCH_BYTES = 65_536;
/** and before that now and then: what is old must not be found. */
const CLEAR_MS = 1_000;
const DIGEST_BYTES = 32;

export interface ToldOutcome {
  key: AnswerKey;
  outcome: ServiceOutcome;
  digest: Uint8Array;
}

export class ToldOutcomes {
  readonly #journal: AnswerJournal;
  /** Of no record that the file ever had: what is behind the last one must not be taken for one. */
  #next = randomInt(GENERATIONS);
  #clearing: NodeJS.Timeout | undefined;

  /** Opens the file, or makes it with mode 0600. @throws Node's errors */
  constructor(path: string) {
    this.#journal = new AnswerJournal(path, AnswerJournal.generationOf(path));
    if (this.#journal.isEmpty) this.#journal.restart(this.#next++);
  }

  /** What a process before this one has told, and nobody cleared. */
  read(): ToldOutcome[] {
    return this.#journal.read().map(unpack);
  }

  /** False: it is too large, the file has no room or cannot be written: wait for the tables. */
  note(told: ToldOutcome): boolean {
    const { outcome } = told;
    if (outcome.ok && outcome.payload.length > LARGE_BYTES) return false;
    const content = pack(told);
    if (!this.#journal.hasRoom(content.length)) return false;
    try {
      this.#journal.note(content);
      return true;
    } catch {
      return false;
    }
  }

  /** The tables have all of it: it is cleared, soon. @param isNeeded whether that is so no more */
  settled(isNeeded: () => boolean): void {
    if (this.#journal.usedBytes > MUCH_BYTES) {
      this.clear();
      return;
    }
    this.#clearing ??= setTimeout(() => {
      this.#clearing = undefined;
      if (!isNeeded()) this.clear();
    }, CLEAR_MS).unref();
  }

  clear(): void {
    if (this.#journal.isEmpty) return;
    try {
      this.#journal.erase(this.#next++);
    } catch {
      // It stays, and is read once more: what the tables have they get again.
    }
  }

  close(): void {
    clearTimeout(this.#clearing);
    this.#journal.close();
  }
}

/** length of the words 4, little-endian · words in JSON · digest 32 · answer */
function pack({ key, outcome, digest }: ToldOutcome): Buffer {
  const failure = outcome.ok ? [] : [outcome.code, outcome.message];
  const words = JSON.stringify([key.deviceId, key.requestId, ...failure]);
  const wordBytes = Buffer.byteLength(words);
  const answer = outcome.ok ? outcome.payload : undefined;
  const content = Buffer.allocUnsafe(4 + wordBytes + DIGEST_BYTES + (answer?.length ?? 0));
  content.writeUInt32LE(wordBytes);
  content.write(words, 4);
  content.set(digest, 4 + wordBytes);
  if (answer) content.set(answer, 4 + wordBytes + DIGEST_BYTES);
  return content;
}

function unpack(content: Uint8Array): ToldOutcome {
  const bytes = Buffer.from(content);
  const end = 4 + bytes.readUInt32LE();
  const words = JSON.parse(bytes.toString('utf8', 4, end)) as string[];
  const [deviceId = '', requestId = '', code, message = ''] = words;
  const payload = Uint8Array.from(bytes.subarray(end + DIGEST_BYTES));
  return {
    key: { deviceId, requestId },
    outcome: code === undefined ? { ok: true, payload } : failedOutcome(code, message),
    digest: Uint8Array.from(bytes.subarray(end, end + DIGEST_BYTES)),
  };
}
