/**
 * Binding requests over a socket that others use too (RFC 8489 section 6.2): sent again until an
 * answer comes, which is known by its transaction id and by where it comes from.
 */
import { randomBytes } from 'node:crypto';
import { equalBytes } from '@andvari/host-common/transfer/byte-strings';
import { formatAddress } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { farEndOf } from '../transfer/socket-address.ts';
import { readAddress } from './addresses.ts';
import { CHANGE_HOST, CHANGE_PORT } from './binding-server.ts';
import {
  attributeOf,
  BINDING,
  beginsAsStun,
  decodeStun,
  encodeStun,
  hasIntegrity,
  type StunAttribute,
  StunClass,
  type StunMessage,
  type StunProtection,
  StunType,
  TRANSACTION_ID_BYTES,
  viewOf,
} from './message.ts';
import { StunError } from './stun-error.ts';

/** RFC 8489 section 6.2.1: RTO, Rc and Rm. */
const RETRANSMIT_MS = 500;
const TRIES = 7;
const LAST_WAITS = 16;
const PENDING_MAX = 64;

export interface BindingAnswer {
  /** From where the server sees us. */
  mapped: SocketAddress;
  /** Another address of the server, host and port, if it has one. */
  other: SocketAddress | undefined;
  roundTripMs: number;
}

export interface AskOptions {
  /** Short-term credential; an answer without its protection is none. */
  credential?: { username: string; password: string; hash?: StunProtection['hash'] };
  /** The answer is to come from here: the server's other host, port or both. */
  from?: SocketAddress;
  /** How often it is sent, 500 ms and twice as long each time between [7]. */
  tries?: number;
  /** How long an answer to the last is waited for, in units of 500 ms [16]. */
  lastWaits?: number;
  signal?: AbortSignal;
}

interface Pending {
  /** Far end of whoever answers. */
  from: Uint8Array;
  key: Uint8Array | undefined;
  /** Something came that had not its protection. */
  isForged: boolean;
  settle(outcome: StunMessage | Error): void;
}

export class StunClient {
  /**
   * What came: answers that were taken; those of nobody's question, or of one that has been
   * answered, or from elsewhere than was asked; those without the protection of the credential; and
   * what begins as STUN and is none, such as what is too large.
   */
  readonly counts = { answered: 0, stray: 0, forged: 0, malformed: 0 };
  readonly #send: (bytes: Uint8Array, to: SocketAddress) => void;
  readonly #pending = new Map<string, Pending>();
  #isClosed = false;

  constructor(send: (bytes: Uint8Array, to: SocketAddress) => void) {
    this.#send = send;
  }

  /**
   * Asks a server for the address that it sees.
   * @throws StunError, the reason of an abort; RangeError: the server is no IP address
   */
  async ask(server: SocketAddress, options: AskOptions = {}): Promise<BindingAnswer> {
    options.signal?.throwIfAborted();
    if (this.#isClosed) throw closedError();
    if (this.#pending.size >= PENDING_MAX) {
      throw new StunError('ANDVARI_STUN_TOO_MANY', 'too many STUN requests wait for an answer');
    }
    const transactionId = randomBytes(TRANSACTION_ID_BYTES);
    const startedMs = performance.now();
    const message = await this.#exchange(transactionId, server, options);
    const roundTripMs = performance.now() - startedMs;
    if (message.kind === StunClass.ERROR) throw refusalOf(message, server);
    const answer = bindingOf(message, transactionId);
    if (answer) return { ...answer, roundTripMs };
    const text = `${formatAddress(server)} told no address`;
    throw new StunError('ANDVARI_STUN_ANSWER', text);
  }

  /** Was it STUN, and no request? Then it is nobody else's; what it answers is told. */
  receive(bytes: Uint8Array, from: SocketAddress): boolean {
    if (!beginsAsStun(bytes)) return false;
    // A copy: it is read when the socket may have other bytes there.
    const message = decodeStun(Uint8Array.from(bytes));
    if (!message) this.counts.malformed++;
    else if (message.method !== BINDING || message.kind < StunClass.SUCCESS) return false;
    else this.#take(message, from);
    return true;
  }

  #take(message: StunMessage, from: SocketAddress): void {
    const pending = this.#pending.get(nameOf(message.transactionId));
    if (!pending || !equalBytes(farEndOf(from), pending.from)) {
      this.counts.stray++;
    } else if (pending.key && !hasIntegrity(message, pending.key)) {
      // As if it had never come (RFC 8489 section 9.1.4): the real one may.
      this.counts.forged++;
      pending.isForged = true;
    } else {
      this.counts.answered++;
      pending.settle(message);
    }
  }

  /** Whoever waits is told. */
  close(): void {
    this.#isClosed = true;
    for (const { settle } of [...this.#pending.values()]) settle(closedError());
  }

  #exchange(
    transactionId: Uint8Array,
    server: SocketAddress,
    { credential, from, tries = TRIES, lastWaits = LAST_WAITS, signal }: AskOptions,
  ): Promise<StunMessage> {
    const key = credential && new TextEncoder().encode(credential.password);
    const protection = key && { key, hash: credential.hash ?? 'sha256' };
    const attributes = [
      ...(credential ? [usernameOf(credential.username)] : []),
      ...(from ? [changeOf(server, from)] : []),
    ];
    const header = { kind: StunClass.REQUEST, method: BINDING, transactionId };
    const bytes = encodeStun(header, attributes, protection);
    const answerer = farEndOf(from ?? server);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (outcome: StunMessage | Error) => {
        clearTimeout(timer);
        this.#pending.delete(nameOf(transactionId));
        signal?.removeEventListener('abort', aborted);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const aborted = () => settle(signal?.reason as Error);
      const pending = { from: answerer, key, isForged: false, settle };
      const again = (count: number) => {
        if (count === tries) {
          settle(unanswered(server, pending));
          return;
        }
        this.#send(bytes, server);
        const waits = count === tries - 1 ? lastWaits : 2 ** count;
        timer = setTimeout(() => again(count + 1), waits * RETRANSMIT_MS);
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#pending.set(nameOf(transactionId), pending);
      again(0);
    });
  }
}

function unanswered(server: SocketAddress, { isForged }: Pending): StunError {
  const name = formatAddress(server);
  if (!isForged) {
    return new StunError('ANDVARI_STUN_TIMEOUT', `${name} does not answer STUN requests`);
  }
  const text = `${name} does not take this credential, or somebody answers in its place`;
  return new StunError('ANDVARI_STUN_INTEGRITY', text);
}

function bindingOf(
  message: StunMessage,
  transactionId: Uint8Array,
): Omit<BindingAnswer, 'roundTripMs'> | undefined {
  const masked = attributeOf(message, StunType.XOR_MAPPED_ADDRESS);
  const plain = attributeOf(message, StunType.MAPPED_ADDRESS);
  const mapped = masked ? readAddress(masked, transactionId) : plain && readAddress(plain);
  const value = attributeOf(message, StunType.OTHER_ADDRESS);
  return mapped && { mapped, other: value && readAddress(value) };
}

function refusalOf(message: StunMessage, server: SocketAddress): StunError {
  const value = attributeOf(message, StunType.ERROR_CODE) ?? new Uint8Array(4);
  const status = (value[2] ?? 0) * 100 + (value[3] ?? 0);
  // What a server says goes to a terminal: printable ASCII, and not much.
  const reason = Buffer.from(value.subarray(4, 68))
    .toString('latin1')
    .replace(/[^ -~]/g, '?');
  const text = `${formatAddress(server)} refused a STUN request: ${status} ${reason}`.trim();
  return new StunError('ANDVARI_STUN_REFUSED', text, status);
}

function usernameOf(username: string): StunAttribute {
  return { type: StunType.USERNAME, value: new TextEncoder().encode(username) };
}

function changeOf(server: SocketAddress, from: SocketAddress): StunAttribute {
  const value = new Uint8Array(4);
  const host = server.host === from.host ? 0 : CHANGE_HOST;
  viewOf(value).setUint32(0, host | (server.port === from.port ? 0 : CHANGE_PORT));
  return { type: StunType.CHANGE_REQUEST, value };
}

function nameOf(transactionId: Uint8Array): string {
  return Buffer.from(transactionId).toString('latin1');
}

function closedError(): StunError {
  return new StunError('ANDVARI_STUN_CLOSED', 'the STUN client is closed');
}
