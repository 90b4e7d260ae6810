/** Says in the log that a certificate of files will end soon, and that it has ended. */
import type { Logger } from '../log/logger.ts';
import { type CertificateSource, whyNotValid } from '../webtransport/certificates.ts';

const DAY_MS = 86_400_000;
const LOOK_MS = 60_000;
/** Of what is valid for days alone, the last quarter. */
const SOON_MS = 7 * DAY_MS;

export class CertificateWatch {
  readonly #source: CertificateSource | undefined;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout | undefined;
  #told = '';
  #toldMs = 0;

  constructor(source: CertificateSource | undefined, logger: Logger) {
    this.#source = source;
    this.#logger = logger;
    if (!source?.validity) return;
    this.#timer = setInterval(() => this.look(Date.now()), LOOK_MS);
    this.#timer.unref();
    this.look(Date.now());
  }

  /** Why new connections fail, or undefined. */
  trouble(nowMs: number): string | undefined {
    const validity = this.#source?.validity?.(nowMs);
    return validity && whyNotValid(validity, nowMs);
  }

  /** Each thing is told when it is new, and again each day. */
  look(nowMs: number): void {
    const validity = this.#source?.validity?.(nowMs);
    if (!validity) return;
    const { notBeforeMs, notAfterMs } = validity;
    const problem = whyNotValid(validity, nowMs);
    const isSoon = notAfterMs - nowMs < Math.min(SOON_MS, (notAfterMs - notBeforeMs) / 4);
    const news = problem ?? (isSoon ? `it ends at ${new Date(notAfterMs).toISOString()}` : '');
    if (news === this.#told && Math.abs(nowMs - this.#toldMs) < DAY_MS) return;
    [this.#told, this.#toldMs] = [news, nowMs];
    if (problem) this.#logger.error({ problem }, 'the certificate in use is not valid');
    else if (news) this.#logger.warn({ problem: news }, 'the certificate in use ends soon');
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
