/**
 * A wallet that never rests: powns over UDP and TCP, in lanes side by side; afterwards it asks the
 * server what it holds.
 */

import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { type Encryption, EngineCodec, type RaidaReply } from '@andvari/host-common/raida/codec';
import { SocketTransport } from '../../host-node/src/raida/socket-transport.ts';
import type { Entry, Ledger } from './ledger.ts';
import { COIN_ID, KEY_COIN, RAIDA_ID } from './server-setup.ts';

const TIMEOUT_MS = 5000;
/** Coins of a question: one of 30 fits a datagram, one of 200 goes by TCP. */
const QUESTION_COINS = [30, 200];

export class PownClient {
  /** Replies by status; `none` for those that never came. */
  readonly statuses = new Map<number | 'none', number>();
  readonly #ledger: Ledger;
  readonly #codec: EngineCodec;
  readonly #transport: SocketTransport;
  readonly #random: (below: number) => number;
  readonly #key: Uint8Array;
  #stopped = false;

  private constructor(codec: EngineCodec, port: number, of: ClientOptions) {
    this.#codec = codec;
    this.#ledger = of.ledger;
    this.#random = of.random;
    this.#key = of.key;
    const server = { raidaId: RAIDA_ID, url: `udp://127.0.0.1:${port}` };
    this.#transport = new SocketTransport([server]);
  }

  static async open(port: number, options: ClientOptions): Promise<PownClient> {
    const network = { wire: 'spec', coinId: COIN_ID } as const;
    return new PownClient(new EngineCodec(await plainEngine(), network), port, options);
  }

  /**
   * Powns in `lanes` until stop(), `coins` at once, or of all sizes. Resolves when the last one has
   * its answer, or none.
   */
  async run(lanes: number, coins?: number): Promise<void> {
    this.#stopped = false;
    await Promise.all(Array.from({ length: lanes }, () => this.#lane(coins)));
  }

  /** Sends no more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#stopped = true;
    await this.#transport.close();
  }

  /** An echo: does the server live? */
  async echo(): Promise<number | undefined> {
    return (await this.#ask(0, 0, new Uint8Array(0)))?.status;
  }

  /** Replies with that status so far. */
  count(status: number | 'none'): number {
    return this.statuses.get(status) ?? 0;
  }

  async #lane(coins?: number): Promise<void> {
    while (!this.#stopped) {
      // One in twelve is large, and goes by TCP.
      const some = this.#random(12) === 0 ? 60 : 1 + this.#random(8);
      const entries = this.#ledger.take(coins ?? some);
      if (entries.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      else await this.#pown(entries);
    }
  }

  async #pown(entries: Entry[]): Promise<void> {
    const reply = await this.#ask(1, 20, listOf(entries));
    const bitmap = reply?.payload ?? new Uint8Array(0);
    for (const [i, entry] of entries.entries()) {
      if (reply?.status === Status.ALL_PASS) this.#ledger.made(entry);
      else if (reply?.status === Status.ALL_FAIL) this.#ledger.denied(entry, 'pown');
      else if (reply?.status !== Status.MIXED) this.#ledger.unanswered(entry);
      else if (((bitmap[i >> 3] ?? 0) >> (i & 7)) & 1) this.#ledger.made(entry);
      else this.#ledger.denied(entry, 'pown');
    }
  }

  /**
   * Asks for every coin which AN it has (find), and that its former AN is gone (detect). Gives how
   * many changes in doubt were made. Throws when the server does not answer.
   */
  async ask(): Promise<number> {
    const { entries } = this.#ledger;
    const doubts = entries.map(({ doubt }) => doubt);
    for (let from = 0, turn = 0; from < entries.length; turn++) {
      const some = entries.slice(from, from + (QUESTION_COINS[turn % 2] ?? 1));
      from += some.length;
      await this.#find(some);
      const changed = some.filter(({ former }) => former);
      if (changed.length > 0) await this.#detectFormer(changed);
    }
    return entries.filter(({ an }, i) => an === doubts[i]).length;
  }

  async #find(entries: Entry[]): Promise<void> {
    const reply = await this.#ask(2, 60, listOf(entries));
    const all = {
      [Status.FIND_NEITHER]: 0,
      [Status.FIND_ALL_AN]: 1,
      [Status.FIND_ALL_PAN]: 2,
    } as Record<number, number>;
    if (!reply || !(reply.status in all || reply.status === Status.FIND_MIXED)) {
      throw new Error(`find: ${reply ? `status ${reply.status}` : 'no answer'}`);
    }
    for (const [i, entry] of entries.entries()) {
      this.#ledger.found(entry, all[reply.status] ?? reply.payload[i] ?? 0);
    }
  }

  async #detectFormer(entries: Entry[]): Promise<void> {
    const list = entries.map((entry) => coinBytes(entry, entry.former));
    const reply = await this.#ask(1, 10, Buffer.concat(list));
    if (reply?.status === Status.ALL_FAIL) return;
    this.#ledger.errors.push(`detect: a former AN is authentic (status ${reply?.status})`);
  }

  async #ask(group: number, command: number, payload: Uint8Array): Promise<RaidaReply | undefined> {
    const encryption: Encryption = { type: 1, ...KEY_COIN, key: this.#key };
    const sealed = this.#codec.seal({
      ...{ raidaId: RAIDA_ID, group, command, payload },
      ...(this.#random(3) === 0 ? { encryption } : {}),
    });
    let reply: RaidaReply | undefined;
    try {
      const bytes = await this.#transport.exchange(RAIDA_ID, sealed.bytes, {
        timeoutMs: TIMEOUT_MS,
      });
      reply = sealed.open(bytes);
    } catch (error) {
      // No reply, whatever the reason; a reply that is not one is a fault.
      if ((error as { code?: string }).code === 'ANDVARI_BAD_REPLY') throw error;
    }
    sealed.dispose();
    const status = reply?.status ?? 'none';
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    return reply;
  }
}

export interface ClientOptions {
  ledger: Ledger;
  random: (below: number) => number;
  /** AN of KEY_COIN. */
  key: Uint8Array;
}

/**
 * Denomination, serial number, AN; and the AN in doubt, for find a random one where there is none.
 */
function listOf(entries: Entry[]): Uint8Array {
  return Buffer.concat(
    entries.map((entry) => {
      const second = entry.doubt ?? crypto.getRandomValues(new Uint8Array(16));
      return Buffer.concat([coinBytes(entry, entry.an), second]);
    }),
  );
}

function coinBytes({ denomination, serialNumber }: Entry, an: Uint8Array | undefined): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt8(denomination);
  head.writeUInt32BE(serialNumber, 1);
  return Buffer.concat([head, an ?? Buffer.alloc(16)]);
}
