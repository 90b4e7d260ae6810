/**
 * What a peer node does for programs of its user (`andvari peers`): one request, one answer, both
 * JSON. Bytes are base64.
 */
import { PEER_METADATA_BYTES_MAX } from '@andvari/host-common/engine/generated/limits';
import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import type { PeerNode } from '@andvari/host-common/peer/peer-node';
import type { PeerAnswer } from '@andvari/host-common/peer/peer-requests';
import { z } from 'zod';

/** Peers of ours answer it with what it had; those that do not know it answer too. */
const PING_PROTOCOL = 'andvari/ping/1';
const PING_BYTES = 8;
/** Whoever asks waits for 10 s (control-socket.ts). */
const ANSWER_MS = 8000;
const DAY_S = 86_400;
/** Of a request's payload and metadata. */
export const PAYLOAD_BYTES_MAX = 256 * 1024;

const base64 = (bytesMax: number) =>
  z
    .base64('wanted base64')
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .refine((bytes) => bytes.length <= bytesMax, `wanted at most ${bytesMax} bytes`);

const requestSchema = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('list') }),
  z.strictObject({ command: z.literal('ping'), peer: z.string() }),
  z.strictObject({
    command: z.literal('ban'),
    peer: z.string(),
    /** null: until unban [an hour]. */
    seconds: z
      .number()
      .int()
      .min(1)
      .max(3650 * DAY_S)
      .nullable()
      .optional(),
  }),
  z.strictObject({ command: z.literal('unban'), peer: z.string() }),
  z.strictObject({
    command: z.literal('send'),
    peer: z.string(),
    protocol: z.string(),
    payload: base64(PAYLOAD_BYTES_MAX),
    metadata: base64(PEER_METADATA_BYTES_MAX).optional(),
  }),
]);

type Request = z.infer<typeof requestSchema>;
type SendRequest = Extract<Request, { command: 'send' }>;

export type PeerControlErrorCode =
  /** The request is none. */
  | 'ANDVARI_CONTROL_PROTOCOL'
  /** No peer id or address, no such ban, or no message. */
  | 'ANDVARI_PEER_ARGUMENT'
  /** There is no connection to the peer. */
  | 'ANDVARI_PEER_NOT_CONNECTED'
  /** It did not answer in time, or the connection broke. */
  | 'ANDVARI_PEER_NO_ANSWER'
  /** It answered with an Error. */
  | 'ANDVARI_PEER_ANSWERED_ERROR';

export class PeerControlError extends Error {
  override readonly name = 'PeerControlError';
  readonly code: PeerControlErrorCode;

  constructor(code: PeerControlErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

export class PeerControl {
  readonly #node: PeerNode;

  /** Pings of peers are answered from then on. */
  constructor(node: PeerNode) {
    this.#node = node;
    node.handle(PING_PROTOCOL, ({ payload }) => payload.slice(0, PING_BYTES));
  }

  /** Rejects with PeerControlError, PeerNodeError. */
  async answer(request: unknown): Promise<object> {
    const parsed = requestSchema.safeParse(request);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const message = `${issue?.path.join('.') || 'request'}: ${issue?.message}`;
      throw new PeerControlError('ANDVARI_CONTROL_PROTOCOL', message);
    }
    try {
      return await this.#do(parsed.data);
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      throw new PeerControlError('ANDVARI_PEER_ARGUMENT', error.message, error);
    }
  }

  async #do(request: Request): Promise<object> {
    const { command } = request;
    if (command === 'list') return this.#list();
    if (command === 'ping') return this.#ping(request.peer);
    if (command === 'send') return this.#send(request);
    if (command === 'unban') return this.#unban(request.peer);
    const { peer: peerId, seconds } = request;
    const until = seconds === null ? Number.POSITIVE_INFINITY : undefined;
    this.#node.ban(peerId, typeof seconds === 'number' ? Date.now() + 1000 * seconds : until);
    await this.#node.bansKept();
    return this.#banned().find((ban) => ban.peerId === peerId) ?? { peerId };
  }

  #list(): object {
    const peers = this.#node.peers().map(({ key, ...peer }) => {
      return { ...peer, ...(key && { key: Buffer.from(key).toString('hex') }) };
    });
    const { peerId } = this.#node;
    return { peerId, addresses: this.#node.addresses(), peers, banned: this.#banned() };
  }

  #banned(): { peerId: string; untilMs: number | null }[] {
    return this.#node.bannedPeers().map(({ peerId, untilMs }) => {
      return { peerId, untilMs: Number.isFinite(untilMs) ? untilMs : null };
    });
  }

  async #unban(peerId: string): Promise<object> {
    const isBanned = this.#banned().some((ban) => ban.peerId === peerId);
    this.#node.unban(peerId);
    await this.#node.bansKept();
    if (isBanned) return { peerId };
    throw new PeerControlError('ANDVARI_PEER_ARGUMENT', `${peerId} is not banned`);
  }

  async #ping(peer: string): Promise<object> {
    const deadline = Date.now() + ANSWER_MS;
    const peerId = await this.#reach(peer);
    const payload = crypto.getRandomValues(new Uint8Array(PING_BYTES));
    const since = performance.now();
    const answer = await this.#node.send(peerId, PING_PROTOCOL, payload, { deadline });
    if (answer.kind === 'error') throw failureOf(peerId, answer);
    const data = answer.data ?? new Uint8Array(0);
    const isOurs = data.length === PING_BYTES && data.every((byte, i) => byte === payload[i]);
    return { peerId, elapsedMs: performance.now() - since, knowsPing: isOurs };
  }

  async #send({ peer, protocol, payload, metadata }: SendRequest): Promise<object> {
    const deadline = Date.now() + ANSWER_MS;
    const peerId = await this.#reach(peer);
    const answer = await this.#node.send(peerId, protocol, payload, {
      ...(metadata && { metadata }),
      deadline,
    });
    if (answer.kind === 'error') throw failureOf(peerId, answer);
    const data = answer.data && Buffer.from(answer.data).toString('base64');
    const named = answer.kind === 'success' && answer.protocol !== undefined;
    return { peerId, kind: answer.kind, ...(named && { protocol: answer.protocol }), data };
  }

  /**
   * An address is dialled, unless there is a connection; a peer id must have one. Rejects with
   * RangeError for what is neither.
   */
  async #reach(peer: string): Promise<string> {
    if (!peer.startsWith('/')) {
      peerIdBytes(peer);
      return peer;
    }
    const { promise, reject } = Promise.withResolvers<never>();
    const late = new PeerControlError('ANDVARI_PEER_NO_ANSWER', `${peer}: no handshake in time`);
    const timer = setTimeout(() => reject(late), ANSWER_MS);
    try {
      return await Promise.race([this.#node.connect(peer), promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function failureOf(
  peerId: string,
  { code, message, isLocal }: Extract<PeerAnswer, { kind: 'error' }>,
): PeerControlError {
  if (!isLocal) {
    // The peer's words: one line, and no control character of a terminal.
    const words = message.replace(/\p{C}/gu, '?');
    const text = `${peerId} answered Error ${code}: ${words}`;
    return new PeerControlError('ANDVARI_PEER_ANSWERED_ERROR', text);
  }
  const codes = { 403: 'ANDVARI_PEER_NOT_CONNECTED', 413: 'ANDVARI_PEER_ARGUMENT' } as const;
  const own = codes[code as 403 | 413] ?? 'ANDVARI_PEER_NO_ANSWER';
  return new PeerControlError(own, `${peerId}: ${message}`);
}
