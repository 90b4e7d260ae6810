/**
 * Where the listener's certificate comes from. Asked for each new connection, so a certificate that
 * is replaced needs no timer and no restart, and connections that are open keep theirs.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { whyNot } from '../files/why-not.ts';
import { makeCertificate } from './certificate-der.ts';

export interface Certificate {
  /** PEM; in `cert` the chain may follow. */
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the certificate's DER, which a page gives as serverCertificateHashes. */
  readonly hash: Uint8Array;
}

export interface CertificateSource {
  /** The one for a connection that begins now. The same object until it is replaced. */
  current(nowMs: number): Certificate;
  /** Hashes to serve to a page now, the current one first; empty: a certificate of an authority. */
  hashes(nowMs: number): Uint8Array[];
  /**
   * Look now whether there is another, if that is somewhere to be looked up. False: what is there
   * cannot be used, which is told elsewhere, and the one before stays.
   */
  reload?(nowMs: number): boolean;
  /** When the current one is valid, where somebody has to replace it in time. */
  validity?(nowMs: number): Validity;
}

/** Both ends belong to it; Unix milliseconds. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Why clients do not take the certificate at this moment, or undefined. */
export function whyNotValid({ notBeforeMs, notAfterMs }: Validity, nowMs: number) {
  const at = (ms: number) => new Date(ms).toISOString();
  if (nowMs > notAfterMs) return `it ended at ${at(notAfterMs)}`;
  if (nowMs < notBeforeMs) return `it is not valid before ${at(notBeforeMs)}`;
  return undefined;
}

/** Which of the two files. */
type CertificatePart = 'cert' | 'key';

/** Certificate or key are none, or not a pair, or the certificate is not valid now. */
export class CertificateError extends Error {
  readonly code = 'ANDVARI_CERTIFICATE';
  readonly part: CertificatePart;

  constructor(message: string, { part, cause }: { part: CertificatePart; cause?: unknown }) {
    super(message, { cause });
    this.name = 'CertificateError';
    this.part = part;
  }
}

interface Checked extends Certificate {
  readonly validity: Validity;
}

/** @throws CertificateError */
function checked(cert: string, key: string): Checked {
  const parsed = inPem('cert', () => new X509Certificate(cert));
  const secret = inPem('key', () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(secret)) {
    throw new CertificateError('the key is not that of the certificate', { part: 'key' });
  }
  const [notBeforeMs, notAfterMs] = [parsed.validFromDate.getTime(), parsed.validToDate.getTime()];
  const hash = createHash('sha256').update(parsed.raw).digest();
  return { cert, key, hash, validity: { notBeforeMs, notAfterMs } };
}

function inPem<T>(part: CertificatePart, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const what = part === 'cert' ? 'certificate' : 'private key';
    throw new CertificateError(`it cannot be read as a ${what} in PEM`, { part, cause });
  }
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Browsers take one by its hash if it is valid for at most 14 days; one less for their clocks. */
const LIFETIME_MS = 13 * DAY_MS;
/** A browser whose clock is behind ours by less takes a fresh certificate. */
const CLOCK_SKEW_MS = HOUR_MS;
/** What must be left of it when our own clock was set back; else another one is made. */
const CLOCK_SKEW_LEFT_MS = CLOCK_SKEW_MS / 2;
/**
 * How long one is used. Each is made a period before: so a page can be given its hash, and it is
 * valid from then on, should it have to replace the current one early.
 */
const PERIOD_MS = 6 * DAY_MS;

/**
 * Self-made certificates, each valid for thirteen days and used for six of them. The next is made
 * along with the current one, so a page has both hashes, and one that was loaded up to six days
 * before a change connects after it. Both are valid at the moment, also when the machine's clock
 * was set, either way: what was made under a wrong clock is replaced.
 */
export class SelfMadeCertificates implements CertificateSource {
  readonly #hosts: readonly string[];
  #current: Checked;
  #next: Checked;
  /** When the next one takes over. */
  #untilMs: number;

  /** @param hosts DNS names and addresses that go into the certificate */
  constructor(hosts: readonly string[], nowMs: number) {
    this.#hosts = hosts;
    this.#untilMs = nowMs + PERIOD_MS;
    this.#current = this.#make(nowMs);
    this.#next = this.#make(nowMs);
  }

  current(nowMs: number): Certificate {
    this.#refresh(nowMs);
    return this.#current;
  }

  hashes(nowMs: number): Uint8Array[] {
    this.#refresh(nowMs);
    return [this.#current.hash, this.#next.hash];
  }

  /** Use the next one from now on. */
  rotate(nowMs: number): void {
    this.#current = this.#next;
    this.#next = this.#make(nowMs);
    this.#untilMs = nowMs + PERIOD_MS;
    this.#refresh(nowMs);
  }

  #refresh(nowMs: number): void {
    const lateMs = nowMs - this.#untilMs;
    if (lateMs >= 0 && lateMs < PERIOD_MS) {
      this.rotate(nowMs);
      this.#untilMs -= lateMs;
    } else if (lateMs >= PERIOD_MS || isTooYoung(this.#current, nowMs)) {
      // Nobody connected for two periods, or the clock was set.
      this.#current = this.#make(nowMs);
      this.#next = this.#make(nowMs);
      this.#untilMs = nowMs + PERIOD_MS;
    }
    if (isTooYoung(this.#next, nowMs)) this.#next = this.#make(nowMs);
    this.#untilMs = Math.min(this.#untilMs, nowMs + PERIOD_MS);
  }

  #make(nowMs: number): Checked {
    const notBeforeMs = nowMs - CLOCK_SKEW_MS;
    const times = { notBeforeMs, notAfterMs: notBeforeMs + LIFETIME_MS };
    const { cert, key } = makeCertificate({ hosts: this.#hosts, ...times });
    return checked(cert, key);
  }
}

/** Made while the clock was ahead: clients do not take it yet, or those that are a bit behind. */
function isTooYoung({ validity }: Checked, nowMs: number): boolean {
  return nowMs < validity.notBeforeMs + CLOCK_SKEW_LEFT_MS;
}

/** How often connections have files looked at, in case they were replaced. */
const FILE_CHECK_MS = 60_000;

/**
 * Certificate and key from files, of an authority that browsers know. Files that were replaced are
 * read again; if they cannot be used now, the old ones stay and `complain` is told.
 */
export class CertificateFiles implements CertificateSource {
  readonly #files: { certFile: string; keyFile: string };
  readonly #complain: (error: CertificateError) => void;
  #current: Checked;
  #stamp: string;
  #checkedMs = Number.NEGATIVE_INFINITY;

  /** @throws CertificateError */
  constructor(
    files: { certFile: string; keyFile: string },
    complain: (error: CertificateError) => void,
    nowMs = Date.now(),
  ) {
    this.#files = files;
    this.#complain = complain;
    [this.#current, this.#stamp] = this.#read(nowMs);
  }

  current(nowMs: number): Certificate {
    // Either way: a clock that was set back would have them looked at when it is there again.
    if (Math.abs(nowMs - this.#checkedMs) >= FILE_CHECK_MS) {
      this.#checkedMs = nowMs;
      this.#refresh(nowMs);
    }
    return this.#current;
  }

  validity(nowMs: number): Validity {
    this.current(nowMs);
    return this.#current.validity;
  }

  hashes(): Uint8Array[] {
    return [];
  }

  /** The files are read, whatever their times say. */
  reload(nowMs: number): boolean {
    this.#checkedMs = nowMs;
    try {
      this.#take(this.#read(nowMs));
      return true;
    } catch (error) {
      this.#complain(error as CertificateError);
      return false;
    }
  }

  #refresh(nowMs: number): void {
    try {
      if (this.#stampNow() !== this.#stamp) this.#take(this.#read(nowMs));
    } catch (error) {
      this.#complain(error as CertificateError);
    }
  }

  #take([next, stamp]: [Checked, string]): void {
    this.#stamp = stamp;
    const { cert, key } = this.#current;
    if (next.cert !== cert || next.key !== key) this.#current = next;
  }

  /**
   * The first certificate of the file is that of the server; of those behind it clients choose.
   * @throws CertificateError, which names the file
   */
  #read(nowMs: number): [Checked, string] {
    const stamp = this.#stampNow();
    const text = (part: CertificatePart) =>
      this.#atFile(part, (file) => readFileSync(file, 'utf8'));
    const [cert, key] = [text('cert'), text('key')];
    try {
      const next = checked(cert, key);
      const problem = whyNotValid(next.validity, nowMs);
      if (problem) throw new CertificateError(problem, { part: 'cert' });
      return [next, stamp];
    } catch (error) {
      const { part, message, cause } = error as CertificateError;
      throw new CertificateError(`${this.#pathOf(part)}: ${message}`, { part, cause });
    }
  }

  #stampNow(): string {
    const stampOf = (file: string) => {
      const { mtimeMs, size, ino } = statSync(file);
      return `${mtimeMs}:${size}:${ino}`;
    };
    return `${this.#atFile('cert', stampOf)} ${this.#atFile('key', stampOf)}`;
  }

  #pathOf(part: CertificatePart): string {
    return part === 'cert' ? this.#files.certFile : this.#files.keyFile;
  }

  #atFile<T>(part: CertificatePart, read: (file: string) => T): T {
    try {
      return read(this.#pathOf(part));
    } catch (error) {
      // Without it as the cause, which the log would tell again.
      const message = `it cannot be read: ${whyNot(error)}`;
      throw new CertificateError(`${this.#pathOf(part)}: ${message}`, { part });
    }
  }
}
