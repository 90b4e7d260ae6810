/**
 * Protocols in rounds between numbered parties, over a peer node: to one party as a request, to
 * all of them as a broadcast, bodies as JSON. Reference: peer section 8.
 */
import { PeerRefusalError } from './peer-answers.ts';
import type { PeerMessage } from './peer-events.ts';
import type { PeerNode } from './peer-node.ts';

/** A JSON value. */
export type RoundBody =
  | null
  | boolean
  | number
  | string
  | readonly RoundBody[]
  | { readonly [name: string]: RoundBody };

export interface RoundMessage {
  /** Number of the party. */
  sender: number;
  roundId: number;
  /** As its sender counts: it comes once. */
  messageId: bigint;
  isBroadcast: boolean;
  body: RoundBody;
}

/** A party did not take a message. */
export class RoundDeliveryError extends Error {
  override readonly name = 'RoundDeliveryError';
  readonly code = 'ANDVARI_PEER_ROUND_DELIVERY';
  readonly party: number;
  /** Of its Error, or of this node's. */
  readonly errorCode: number;

  constructor(party: number, errorCode: number, message: string) {
    super(`party ${party} did not take it: ${message} (${errorCode})`);
    this.party = party;
    this.errorCode = errorCode;
  }
}

export interface PeerRoundsOptions {
  node: Pick<PeerNode, 'peerId' | 'send' | 'broadcast' | 'handle' | 'on'>;
  /** Peer ids in the order that all parties have, this node's among them; at most 4096. */
  parties: readonly string[];
  /** Of the messages; the networks write their own id there: `/{networkName}/{instanceId}`. */
  protocol: string;
}

/** Messages of one party that wait to be read: it cannot fill the others' places. */
const WAITING_MAX = 256;
/** Numbers of one party's messages that are known when they come again. */
const SEEN_MAX = 4096;
const PARTIES_MAX = 4096;
const decoder = new TextDecoder('utf-8', { fatal: true });

interface Party {
  readonly number: number;
  readonly seen: Set<bigint>;
  waiting: number;
}

export class PeerRounds implements AsyncIterable<RoundMessage> {
  /** Of this node. */
  readonly party: number;
  /** Messages that nobody has read in time, or that are no JSON: broadcasts have no answer. */
  dropped = 0;
  private readonly options: PeerRoundsOptions;
  private readonly byPeer: ReadonlyMap<string, Party>;
  private readonly ends: (() => void)[];
  private readonly queue: RoundMessage[] = [];
  private wake: () => void = () => {};
  private isClosed = false;

  /** Throws RangeError for parties that are none, or a protocol that has a handler. */
  constructor(options: PeerRoundsOptions) {
    const { node, parties, protocol } = options;
    const entries = parties.map((peerId, number): [string, Party] => [
      peerId,
      { number, seen: new Set(), waiting: 0 },
    ]);
    this.options = options;
    this.byPeer = new Map(entries);
    this.party = parties.indexOf(node.peerId);
    const isList = this.byPeer.size === parties.length && parties.length <= PARTIES_MAX;
    if (!isList || this.party < 0) {
      throw new RangeError(`peer rounds: wanted ${PARTIES_MAX} parties at most, this node once`);
    }
    this.ends = [
      node.handle(protocol, (message) => this.takeDirect(message)),
      node.on('message', (message) => this.takeBroadcast(message)),
    ];
  }

  /**
   * To one party, which has taken it when this resolves. Rejects with RoundDeliveryError, which
   * says why not; RangeError for a number of no other party, or a body that is too long; TypeError
   * for what is no JSON.
   */
  async send(party: number, roundId: number, body: RoundBody): Promise<void> {
    const peerId = this.options.parties[party];
    if (peerId === undefined || party === this.party) {
      throw new RangeError(`peer rounds: ${party} is no other party`);
    }
    const { node, protocol } = this.options;
    const answer = await node.send(peerId, protocol, encoded(body), { roundId });
    if (answer.kind !== 'error') return;
    throw new RoundDeliveryError(party, answer.code, answer.message);
  }

  /** To all others, as best it can; gives how many were sent it at once. Rejects as send(). */
  async sendToAll(roundId: number, body: RoundBody): Promise<number> {
    const { node, protocol } = this.options;
    return (await node.broadcast(protocol, encoded(body), { roundId })).peers;
  }

  /** The next message; undefined when it is closed. For one reader at a time. */
  async next(): Promise<RoundMessage | undefined> {
    while (this.queue.length === 0 && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const message = this.queue.shift();
    const party = message && this.byPeer.get(this.options.parties[message.sender] ?? '');
    if (party) party.waiting--;
    return message;
  }

  /** Ends when it is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RoundMessage> {
    for (let next = await this.next(); next; next = await this.next()) yield next;
  }

  /** Takes nothing more; what has come can still be read. */
  close(): void {
    this.isClosed = true;
    for (const end of this.ends.splice(0)) end();
    this.wake();
  }

  private takeDirect(message: PeerMessage): void {
    const party = this.byPeer.get(message.peerId);
    if (!party) throw new PeerRefusalError(403, 'no party');
    // It has it already: the answer to the first may have been lost.
    if (party.seen.has(message.messageId)) return;
    const body = decoded(message.payload);
    if (body === undefined) throw new PeerRefusalError(400, 'no JSON');
    if (party.waiting >= WAITING_MAX) throw new PeerRefusalError(429, 'too many messages wait');
    this.keep(party, message, body);
  }

  private takeBroadcast(message: PeerMessage): void {
    const party = this.byPeer.get(message.peerId);
    const isOurs = message.kind === 'broadcast' && message.protocol === this.options.protocol;
    if (!isOurs || !party || party.seen.has(message.messageId)) return;
    const body = decoded(message.payload);
    if (body === undefined || party.waiting >= WAITING_MAX) this.dropped++;
    else this.keep(party, message, body);
  }

  private keep(party: Party, { kind, roundId, messageId }: PeerMessage, body: RoundBody): void {
    const { seen, number: sender } = party;
    seen.add(messageId);
    const [oldest] = seen;
    if (seen.size > SEEN_MAX && oldest !== undefined) seen.delete(oldest);
    party.waiting++;
    this.queue.push({ sender, roundId, messageId, isBroadcast: kind === 'broadcast', body });
    this.wake();
  }
}

function encoded(body: RoundBody): Uint8Array {
  const text: string | undefined = JSON.stringify(body);
  if (text === undefined) throw new TypeError('peer rounds: wanted a JSON value');
  return new TextEncoder().encode(text);
}

function decoded(payload: Uint8Array): RoundBody | undefined {
  try {
    return JSON.parse(decoder.decode(payload)) as RoundBody;
  } catch {
    return undefined;
  }
}
