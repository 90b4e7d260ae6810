/**
 * An engine in its harness beside the model: every request goes to both, and what the engine
 * answers, and holds afterwards, is what the model says.
 */
import type { WireName } from '@andvari/host-common/engine/configuration';
import { Flag } from '@andvari/host-common/engine/generated/layout';
import { plainEngine } from '@andvari/host-common/engine/module';
import { type Encryption, EngineCodec } from '@andvari/host-common/raida/codec';
import { COMMAND } from '../engine/commands.ts';
import { DerivedStore } from '../engine/derived-store.ts';
import { Harness } from '../engine/harness.ts';
import { differences } from '../engine/invariants.ts';
import { anOf, cachedPageOf, MFS, PAGES } from '../engine/rig.ts';
import { fromHex } from '../engine/vector-state.ts';
import { type Vote, World } from '../engine/world.ts';
import { RAIDA_ID } from './model-auth.ts';
import { ADMIN_KEY } from './model-change.ts';
import { answerOf, type ModelCommand } from './model-server.ts';
import { ModelState } from './model-state.ts';

const TICKETS = 6;
/** In use on each page at the start. */
const IN_USE = 512;
const COIN_ID = 6;

/** How a request travels. */
export interface Delivery {
  payload: Buffer;
  noBody?: boolean;
  encryption?: Encryption;
  local?: boolean;
  address?: number;
  votes?(raidaId: number, ticket: number): Vote | undefined;
}

export class RealServer {
  readonly state: ModelState;
  readonly harness: Harness;
  /** Requests so far. */
  asked = 0;
  /** Statuses that came, and how often. */
  readonly seen = new Map<string, number>();
  readonly #codec: EngineCodec;
  readonly #world: World;

  static async make(wire: WireName): Promise<RealServer> {
    return new RealServer(await plainEngine(), wire);
  }

  private constructor(module: WebAssembly.Module, wire: WireName) {
    this.#codec = new EngineCodec(module, { wire, coinId: COIN_ID });
    this.#world = new World();
    this.harness = new Harness({
      module,
      sizes: {
        ...{ pagesPerDenomination: PAGES, journalRecords: 8192, frames: 8, ringEntries: 16 },
        ...{ largeFrames: 2, replyFrames: 2, parkSlots: 8, tickets: TICKETS },
      },
      identity: {
        ...{ raidaId: RAIDA_ID, coinId: COIN_ID, wire, modern: true, version: '20261121' },
        adminKey: fromHex(ADMIN_KEY),
      },
      pages: () => undefined,
      store: new DerivedStore(cachedPageOf, PAGES),
      world: this.#world,
    });
    this.state = new ModelState({
      pages: PAGES,
      ticketsMax: TICKETS,
      counts: Array(15).fill(IN_USE * PAGES),
      blank: ({ denomination, serialNumber }) => ({
        an: Buffer.from(anOf(denomination, serialNumber)).toString('hex'),
        mfs: serialNumber % 1024 < IN_USE ? MFS : 0,
      }),
    });
    this.state.nowUs = this.harness.nowUs;
  }

  /** Time passes. */
  wait(seconds: number): void {
    this.harness.nowUs += seconds * 1_000_000;
    this.state.nowUs = this.harness.nowUs;
  }

  /** One request, asked of both. Gives the reply; throws when they differ. */
  ask(command: ModelCommand, delivery: Delivery) {
    const { payload, noBody = false, encryption, local = true, address = 0x0a000001 } = delivery;
    const { votes = () => undefined } = delivery;
    const [group, number] = COMMAND[command];
    const sealed = this.#codec.seal({
      ...{ raidaId: RAIDA_ID, group, command: number, payload: noBody ? none : payload, noBody },
      ...(encryption ? { encryption } : {}),
    });
    this.#world.servers = votes;
    const flags = local ? Flag.LOCAL : 0;
    const bytes = this.harness.ask(sealed.bytes, flags, address);
    if (!bytes) throw new Error(`${command}: silence`);
    const reply = sealed.open(bytes);
    const mayShowKey = local || encryption !== undefined;
    const call = { payload, hasBody: !noBody, mayShowKey, local, address, votes };
    const due = answerOf(this.state, command, call);
    const told = Buffer.from(reply.payload);
    due.learn?.(told);
    const hidden = due.hidden ?? [];
    const [is, ought] = [told, due.payload ?? none].map((side) => textOf(side, hidden));
    if (reply.status !== due.status || is !== ought) {
      throw new Error(
        `${command} ${payload.toString('hex')}: ${reply.status} ${is}, not ${due.status} ${ought}`,
      );
    }
    this.asked++;
    const key = `${command} ${reply.status}`;
    this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
    return { status: reply.status, payload: told };
  }

  /** The tables equal the coins, and the audit and the sum of value equal the model's. */
  check(): void {
    const { harness, state } = this;
    if (!harness.store) throw new Error('no store');
    const found = differences(harness.engine, harness.store);
    if (found.length) throw new Error(`engine and store differ: ${found.join(', ')}`);
    const { payload } = this.ask('audit', { payload: none });
    let value = 0n;
    for (let at = 0; at < payload.length; at += 5) {
      value += BigInt(payload.readUInt32BE(at + 1)) * 10n ** BigInt(payload.readInt8(at) + 8);
    }
    if (value !== state.value) throw new Error(`${value} in circulation, not ${state.value}`);
  }
}

const none = Buffer.alloc(0);

function textOf(payload: Buffer, hidden: [number, number][]): string {
  const copy = Buffer.from(payload);
  for (const [from, to] of hidden) copy.fill(0, from, to);
  return copy.toString('hex');
}
