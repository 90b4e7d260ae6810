/** A case's conversation with a Ratatoskr server: connections, messages out, answers in. */
import { randomBytes, randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { ConformanceFailure, type Evidence, Inapplicable } from '../finding.ts';
import type { Talk } from '../protocol-suite.ts';
import {
  decodeResponse,
  digestOf,
  encodeRequest,
  field,
  isSigned,
  MessageType,
  type RequestFields,
  type Response,
} from './message.ts';

/** Signs 32 bytes with a device's key. */
export interface DeviceSigner {
  signNow(digest: Uint8Array): Uint8Array;
}

export interface RatatoskrSubject {
  /** wss:// or ws:// */
  url: string;
  /** Authorities to trust in the place of the system's, PEM. */
  ca?: string;
  /** A device that is registered, with a user of its own. */
  device?: { deviceId: string; userId: string; signer: DeviceSigner };
  /** 32 bytes: answers have to be signed with it. */
  serverKey?: Buffer;
  /** How long an answer may take, and how long silence lasts before it counts. */
  replyMs: number;
  silenceMs: number;
}

/** Longer than any message that is right. */
const ANSWER_BYTES_MAX = 1_200_000;
/** Answers of one connection that are kept. */
const ANSWERS_MAX = 512;

export interface Sent {
  bytes: Buffer;
  fields: RequestFields;
}

export interface Answer extends Response {
  /** Undefined: it was sent as raw bytes. */
  sent: Sent | undefined;
  evidence: Evidence;
}

/** One connection. */
export class RatatoskrLink {
  readonly protocol: string;
  readonly #socket: WebSocket;
  readonly #subject: RatatoskrSubject;
  readonly #answers: Buffer[] = [];
  #closeCode: number | undefined;
  #wake: () => void = () => {};
  #step = 0;
  #last: Sent | undefined;
  #lastBytes: Buffer = Buffer.alloc(0);

  constructor(socket: WebSocket, subject: RatatoskrSubject) {
    this.#socket = socket;
    this.#subject = subject;
    this.protocol = socket.protocol;
    socket.on('message', (data) => {
      if (this.#answers.length < ANSWERS_MAX) this.#answers.push(data as Buffer);
      this.#wake();
    });
    socket.on('close', (code) => {
      this.#closeCode = code;
      this.#wake();
    });
    socket.on('error', () => {});
  }

  send(sent: Sent): void {
    this.#last = sent;
    this.#write(sent.bytes);
  }

  sendRaw(bytes: Buffer, isBinary = true): void {
    this.#last = undefined;
    this.#write(bytes, isBinary);
  }

  #write(bytes: Buffer, binary = true): void {
    this.#step++;
    this.#lastBytes = bytes;
    this.#socket.send(bytes, { binary }, () => {});
  }

  async ask(sent: Sent): Promise<Answer> {
    this.send(sent);
    return await this.answer();
  }

  async askRaw(bytes: Buffer, isBinary = true): Promise<Answer> {
    this.sendRaw(bytes, isBinary);
    return await this.answer();
  }

  /** The next answer; its form and its signature are right. */
  async answer(): Promise<Answer> {
    const came = () => this.#answers.length > 0 || this.#closeCode !== undefined;
    await this.#until(came, this.#subject.replyMs);
    const received = this.#answers.shift();
    if (!received) this.fail(this.#closeCode === undefined ? 'no answer' : this.#closedProblem());
    const evidence: Evidence = { step: this.#step, request: this.#lastBytes, received };
    let response: Response;
    try {
      response = decodeResponse(received);
    } catch (error) {
      throw new ConformanceFailure(
        `the answer is no response: ${(error as Error).message}`,
        evidence,
      );
    }
    const answer: Answer = { ...response, sent: this.#last, evidence };
    const { serverKey } = this.#subject;
    const digest = this.#last ? digestOf(this.#last.fields) : Buffer.alloc(32);
    if (serverKey && !isSigned(response, digest, serverKey)) {
      throw new ConformanceFailure('the answer is not signed with the key of the server', evidence);
    }
    return answer;
  }

  /** Nothing comes for a while, and the connection stays. */
  async silence(): Promise<void> {
    const came = () => this.#answers.length > 0 || this.#closeCode !== undefined;
    await this.#until(came, this.#subject.silenceMs);
    if (this.#closeCode !== undefined) this.fail(this.#closedProblem());
    const [received] = this.#answers;
    if (received) this.fail('wanted no answer', received);
  }

  /** The server closes, with this code. */
  async closed(code: number): Promise<void> {
    await this.#until(() => this.#closeCode !== undefined, this.#subject.replyMs);
    if (this.#closeCode === code) return;
    const came = this.#closeCode === undefined ? 'it stays open' : `got ${this.#closeCode}`;
    this.fail(`wanted the connection closed with ${code}, ${came}`);
  }

  #closedProblem(): string {
    return `the connection was closed with ${this.#closeCode}`;
  }

  get isClosed(): boolean {
    return this.#closeCode !== undefined;
  }

  async #until(happened: () => boolean, timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const leftMs = endMs - performance.now();
      if (happened() || leftMs <= 0) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, leftMs);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
  }

  fail(problem: string, received: Buffer = Buffer.alloc(0)): never {
    const evidence = { step: this.#step, request: this.#lastBytes, received };
    throw new ConformanceFailure(problem, evidence);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

const STRANGER = { deviceId: 'andvari-conformance-stranger', userId: 'nobody' } as const;

export class RatatoskrTalk implements Talk {
  readonly subject: RatatoskrSubject;
  readonly #signal: AbortSignal;
  readonly #links: RatatoskrLink[] = [];
  /** What the server's clock is ahead of ours, as its answers say. */
  #aheadS = 0n;

  constructor(subject: RatatoskrSubject, signal: AbortSignal) {
    this.subject = subject;
    this.#signal = signal;
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.terminate();
  }

  /** The registered device; without one the case is not tried. */
  get device() {
    const { device } = this.subject;
    if (!device) throw new Inapplicable('it wants a registered device (--key, --device, --user)');
    return device;
  }

  /** A connection; `subprotocols` are offered. */
  async open(subprotocols: readonly string[] = ['ratatoskr.v1']): Promise<RatatoskrLink> {
    const { url, ca, replyMs } = this.subject;
    const { promise, resolve, reject } = Promise.withResolvers<RatatoskrLink>();
    const socket = new WebSocket(url, [...subprotocols], {
      ...{ maxPayload: ANSWER_BYTES_MAX, perMessageDeflate: false, handshakeTimeout: replyMs },
      ...(ca === undefined ? {} : { ca }),
    });
    const stop = () => {
      reject(this.#signal.reason);
      socket.terminate();
    };
    this.#signal.addEventListener('abort', stop, { once: true });
    socket.on('error', (error) => reject(new ConformanceFailure(error.message)));
    socket.on('open', () => resolve(new RatatoskrLink(socket, this.subject)));
    if (this.#signal.aborted) stop();
    const link = await promise.finally(() => this.#signal.removeEventListener('abort', stop));
    this.#links.push(link);
    return link;
  }

  /** A connection, and the server's time learnt of a message that is refused for its date. */
  async openAtTime(): Promise<RatatoskrLink> {
    const link = await this.open();
    const { timestamp } = await link.ask(this.strange({ timestamp: 1n }));
    this.#aheadS = timestamp - BigInt(Math.floor(Date.now() / 1000));
    return link;
  }

  /** The server's, in Unix seconds. */
  nowS(): bigint {
    return BigInt(Math.floor(Date.now() / 1000)) + this.#aheadS;
  }

  fields(change: Partial<RequestFields> = {}): RequestFields {
    return {
      messageType: MessageType.BUSINESS_REQUEST,
      requestId: randomUUID(),
      ...STRANGER,
      timestamp: this.nowS(),
      nonce: randomBytes(16),
      payload: Buffer.from('{"request_type":"andvari-conformance"}'),
      metadata: [],
      ...change,
    };
  }

  /** Of a device that nobody has registered, with a signature that is none. */
  strange(change: Partial<RequestFields> = {}, signature: Buffer = Buffer.alloc(64, 9)): Sent {
    const fields = this.fields(change);
    return { fields, bytes: encodeRequest(fields, signature) };
  }

  /** Of the registered device; `sign` makes another signature than the right one. */
  signed(
    change: Partial<RequestFields> = {},
    sign: (fields: RequestFields) => Uint8Array = (fields) =>
      this.device.signer.signNow(digestOf(fields)),
  ): Sent {
    const { deviceId, userId } = this.device;
    const fields = this.fields({ deviceId, userId, ...change });
    return { fields, bytes: encodeRequest(fields, sign(fields)) };
  }

  connectionRequest(version = '1.0', change: Partial<RequestFields> = {}): Sent {
    const payload = field(3, version);
    return this.signed({ messageType: MessageType.CONNECTION_REQUEST, payload, ...change });
  }

  /** A connection with a session. */
  async session(): Promise<RatatoskrLink> {
    const link = await this.openAtTime();
    const answer = await link.ask(this.connectionRequest());
    this.unhurried(answer);
    if (!answer.success) this.wrong(answer, `no session: ${answer.errorCode}`);
    return link;
  }

  /** A device may send 60 messages a minute: a run right behind another can meet that. */
  unhurried({ errorCode }: Answer): void {
    if (errorCode !== 'RATE_LIMITED') return;
    throw new Inapplicable('the device has sent as many messages as it may for now');
  }

  /** The server answers with an ERROR of this code and class. */
  refusal(answer: Answer, code: string, errorClass: string): void {
    if (code !== 'RATE_LIMITED') this.unhurried(answer);
    if (answer.errorCode !== code) {
      const got = answer.errorCode || (answer.success ? 'success' : 'no code');
      this.wrong(answer, `wanted ${code}, got ${got}`);
    }
    if (answer.messageType !== MessageType.ERROR) {
      this.wrong(answer, `wanted an answer of type 6, got ${answer.messageType}`);
    }
    if (answer.success) this.wrong(answer, 'an error says success');
    const given = answer.metadata.get('class');
    if (given !== errorClass) this.wrong(answer, `wanted class ${errorClass}, got ${given}`);
    const wanted = answer.sent?.fields.requestId;
    if (wanted && answer.requestId !== wanted) this.wrong(answer, 'it has another request_id');
  }

  wrong({ evidence }: Answer, problem: string): never {
    throw new ConformanceFailure(problem, evidence);
  }
}
