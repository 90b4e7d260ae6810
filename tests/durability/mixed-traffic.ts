/**
 * Lockers, offers, change, creation and deletion, key files, side by side; and whether the number
 * of coins in circulation is what all of them together have made of it.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { type Encryption, EngineCodec } from '@andvari/host-common/raida/codec';
import { SocketTransport } from '../../host-node/src/raida/socket-transport.ts';
import { COMMAND } from '../engine/commands.ts';
import { type Ask, ChangeHolder, ExecutiveHolder, type Held, LockerHolder } from './holders.ts';
import { KeyOwner } from './key-owner.ts';
import type { Coin } from './ledger.ts';
import { COIN_ID, KEY_COIN, RAIDA_ID } from './server-setup.ts';

const TIMEOUT_MS = 5000;
const LOCKERS = 6;
const LOCKER_COINS = 5;
const CHANGES = 3;

/** The coins that the traffic wants to find, besides others' (records from 100 on). */
export function mixedCoins(): Coin[] {
  const lockers = Array.from({ length: LOCKERS * LOCKER_COINS }, (_, i) => ({
    denomination: (i % 3) - 1,
    serialNumber: (i % 7) * 1024 + 100 + i,
  }));
  const changes = Array.from({ length: CHANGES }, (_, i) => ({
    denomination: 1 + i,
    serialNumber: 200 + i,
  }));
  return [...lockers, ...changes];
}

export class MixedTraffic {
  readonly holders: (LockerHolder | ChangeHolder | ExecutiveHolder)[];
  readonly keys: KeyOwner;
  readonly #key: Uint8Array;
  readonly #random: (below: number) => number;
  #codec!: EngineCodec;
  #transport: SocketTransport | undefined;
  #counts: number[] | undefined;
  #stopped = false;

  /** `ans`: those of mixedCoins(); `key`: that of KEY_COIN. */
  constructor(of: { ans: Uint8Array[]; key: Uint8Array; random: (below: number) => number }) {
    this.#key = of.key;
    this.#random = of.random;
    const held: Held[] = mixedCoins().map((coin, i) => ({
      ...coin,
      an: of.ans[i] ?? new Uint8Array(16),
    }));
    const lockers = Array.from({ length: LOCKERS }, (_, i) => {
      return new LockerHolder(held.slice(i * LOCKER_COINS, (i + 1) * LOCKER_COINS));
    });
    const changes = held.slice(LOCKERS * LOCKER_COINS).map((coin, i) => {
      return new ChangeHolder(coin, 71 + i);
    });
    this.holders = [...lockers, ...changes, new ExecutiveHolder(5, 81), new ExecutiveHolder(6, 82)];
    this.keys = new KeyOwner(of.random);
  }

  /** Speaks to a server from now on. */
  async connect(port: number): Promise<void> {
    this.#codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: COIN_ID });
    const server = { raidaId: RAIDA_ID, url: `udp://127.0.0.1:${port}` };
    this.#transport = new SocketTransport([server]);
    this.#stopped = false;
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#stopped = true;
    await this.#transport?.close();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Until stop(); resolves when the last request has its answer, or none. */
  async run(): Promise<void> {
    await Promise.all(
      [...this.holders, this.keys].map(async (one) => {
        while (!this.#stopped) {
          await one.step(this.#ask);
          await new Promise((resolve) => setTimeout(resolve, this.#random(3)));
        }
      }),
    );
  }

  /** Ends every doubt, and compares the audit with what everybody has. */
  async resolve(): Promise<void> {
    for (const one of [...this.holders, this.keys]) await one.resolve(this.#ask);
    const counts = await this.audit();
    this.#counts ??= counts;
    const wanted = this.#counts.map((count, i) =>
      this.holders.reduce((sum, holder) => sum + (holder.gained()[i] ?? 0), count),
    );
    if (String(counts) !== String(wanted)) {
      this.keys.errors.push(`audit: ${counts}, not ${wanted}`);
    }
  }

  /** Coins in use by denomination + 8, as the server counts them. */
  async audit(): Promise<number[]> {
    const reply = await this.#ask('audit', new Uint8Array(0));
    if (reply?.status !== Status.SUCCESS) throw new Error(`audit: status ${reply?.status}`);
    const bytes = Buffer.from(reply.payload);
    return Array.from({ length: 15 }, (_, i) => bytes.readUInt32BE(i * 5 + 1));
  }

  get errors(): string[] {
    return [...this.holders, this.keys].flatMap(({ errors }) => errors);
  }
  get acknowledged(): number {
    return [...this.holders, this.keys].reduce((sum, one) => sum + one.acknowledged, 0);
  }
  get doubts(): number {
    return this.holders.filter(({ next }) => next).length;
  }

  #ask: Ask = async (command, payload) => {
    const [group, number] = COMMAND[command];
    const encryption: Encryption = { type: 1, ...KEY_COIN, key: this.#key };
    const sealed = this.#codec.seal({
      ...{ raidaId: RAIDA_ID, group, command: number, payload },
      ...(this.#random(3) === 0 ? { encryption } : {}),
    });
    try {
      const bytes = await this.#transport?.exchange(RAIDA_ID, sealed.bytes, {
        timeoutMs: TIMEOUT_MS,
      });
      return bytes && sealed.open(bytes);
    } catch (error) {
      // No reply, whatever the reason; a reply that is not one is a fault.
      if ((error as { code?: string }).code === 'ANDVARI_BAD_REPLY') throw error;
      return undefined;
    } finally {
      sealed.dispose();
    }
  };
}
