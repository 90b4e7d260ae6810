/**
 * Connection requests that were taken, for the processes after this one: their replay cache begins
 * empty, and a clock that is set back lets what was signed before their start seem new
 * (set-clocks.ts). Business requests have records of their own (in-process-bus.ts).
 */
import { type AnswerStore, within } from './answer-store.ts';
import { processSeconds } from './kept-time.ts';

const OPENED = { ok: true as const, payload: new Uint8Array() };
/** A disk that answers later than this holds up nobody who connects. */
const WAIT_MS = 2_000;

/** Whether a signed request to connect, by its digest, opens a session for the first time. */
export type FirstConnection = (deviceId: string, digest: Uint8Array) => Promise<boolean>;

/**
 * Of all processes that have these answers. What cannot be asked or written is taken for new: what
 * must not be done twice is not done by connecting.
 */
export function recordedConnections(answers: AnswerStore): FirstConnection {
  return async (deviceId, digest) => {
    const requestId = `connection ${Buffer.from(digest).toString('hex')}`;
    const key = { deviceId, requestId };
    try {
      const known = await within(WAIT_MS, answers.begin(key, digest, processSeconds()));
      if (known) return false;
      void answers.finish(key, OPENED, digest);
    } catch {
      // The bus tells that answers cannot be written, with the next request.
    }
    return true;
  };
}
