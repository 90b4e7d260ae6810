/**
 * Engines with made-up coins, and requests to them, for the tests of the border. Web-standard only.
 * Every coin's AN is a function of its name; records 0 to 511 of a page are in use (MFS 30), the
 * others are free (MFS 0).
 */
import type { EngineSizes, WireName } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import {
  type Encryption,
  EngineCodec,
  type RaidaReply,
  type SealedRequest,
} from '@andvari/host-common/raida/codec';
import { COMMAND, type CommandName } from './commands.ts';
import type { PageSource } from './derived-store.ts';
import { Harness, type HarnessOptions } from './harness.ts';
import type { World } from './world.ts';

export const RAIDA_ID = 14;
export const COIN_ID = 6;
export const PAGES = 8;
export const MFS = 30;

export const BUILDS = [
  { build: 'plain', shared: false },
  { build: 'shared', shared: true },
] as const;

/** AN of a coin that nobody has changed. */
export function anOf(denomination: number, serialNumber: number): Uint8Array {
  const an = new Uint8Array(16);
  const view = new DataView(an.buffer);
  view.setUint32(0, Math.imul(serialNumber + 1, 2654435761), true);
  view.setUint32(4, Math.imul(denomination + 9, 2246822519), true);
  view.setUint32(8, serialNumber, true);
  view.setUint32(12, 0x5eed0000 + denomination + 8, true);
  return an;
}

/** 16 equal bytes: a new AN. */
export const newAn = (value: number) => new Uint8Array(16).fill(value);

export function pageOf(denomination: number, page: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_BYTES);
  for (let record = 0; record < 1024; record++) {
    bytes.set(anOf(denomination, page * 1024 + record), record * 17);
    bytes[record * 17 + 16] = record < 512 ? MFS : 0;
  }
  return bytes;
}

const pages = new Map<string, Uint8Array>();
/** As pageOf(), made once; nobody may write to it. */
export function cachedPageOf(denomination: number, page: number): Uint8Array {
  const name = `${denomination}/${page}`;
  const bytes = pages.get(name) ?? pageOf(denomination, page);
  pages.set(name, bytes);
  return bytes;
}

/** A coin of a list: denomination, serial number (big-endian), then its ANs. */
export function coin(denomination: number, serialNumber: number, ...ans: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(5 + 16 * ans.length);
  const view = new DataView(bytes.buffer);
  view.setInt8(0, denomination);
  view.setUint32(1, serialNumber);
  ans.forEach((an, i) => {
    bytes.set(an, 5 + 16 * i);
  });
  return bytes;
}

export function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** XOR of 16-byte values. */
export function sumOf(ans: Uint8Array[]): Uint8Array {
  const sum = new Uint8Array(16);
  for (const an of ans) for (let i = 0; i < 16; i++) sum[i] = (sum[i] ?? 0) ^ (an[i] ?? 0);
  return sum;
}

export interface RigOptions {
  shared: boolean;
  /** Another engine than the one that was built. */
  module?: WebAssembly.Module;
  wire?: WireName;
  /** Instances over the one memory; Rig.others has the second and later ones. */
  workers?: number;
  sizes?: Partial<EngineSizes>;
  pages?: PageSource;
  autoCommit?: boolean;
  holdLoads?: boolean;
  fillRandom?: boolean;
  nativeCtr?: NativeCtr | undefined;
  /** As in HarnessOptions: what effects see, and whether they wait. */
  world?: World;
  holdEffects?: boolean;
}

export class Rig {
  readonly server: Harness;
  readonly others: Harness[];
  private readonly codec: EngineCodec;
  private readonly requests = new Map<number, SealedRequest>();

  private constructor(server: Harness, others: Harness[], codec: EngineCodec) {
    this.server = server;
    this.others = others;
    this.codec = codec;
  }

  static async make(options: RigOptions): Promise<Rig> {
    const { shared, wire = 'spec', workers = 1 } = options;
    const module = options.module ?? (await (shared ? sharedEngine() : plainEngine()));
    const full: HarnessOptions = {
      pages: pageOf,
      autoCommit: false,
      ...options,
      module,
      sizes: {
        ...{ pagesPerDenomination: PAGES, journalRecords: 8192, ringEntries: 64, frames: 64 },
        ...{ largeFrames: 12, parkSlots: 16, tickets: 8, replyFrames: 2 },
        ...options.sizes,
        workers,
      },
      identity: { raidaId: RAIDA_ID, coinId: COIN_ID, wire, modern: true, version: '20261121' },
    };
    const server = new Harness(full);
    const { memory } = server.engine;
    const others = Array.from(
      { length: workers - 1 },
      (_, i) =>
        new Harness(full, Engine.attach(module, memory, i + 1, { nativeCtr: options.nativeCtr })),
    );
    return new Rig(server, others, new EngineCodec(await plainEngine(), { wire, coinId: COIN_ID }));
  }

  seal(command: CommandName, payload?: Uint8Array, encryption?: Encryption): SealedRequest {
    const [group, number] = COMMAND[command];
    return this.codec.seal({
      raidaId: RAIDA_ID,
      group,
      command: number,
      payload: payload ?? new Uint8Array(0),
      ...(payload ? {} : { noBody: true }),
      ...(encryption ? { encryption } : {}),
    });
  }

  /** Queues a request; gives its peer. */
  send(sealed: SealedRequest, to: Harness = this.server): number {
    const peer = to.send(sealed.bytes);
    this.requests.set(this.name(peer, to), sealed);
    return peer;
  }

  /** What the server has answered so far to any request, opened, by peer; the answers are taken. */
  replies(from: Harness = this.server): Map<number, RaidaReply & { held: boolean }> {
    const opened = new Map<number, RaidaReply & { held: boolean }>();
    for (const { bytes, peer, held } of from.answers.splice(0)) {
      const sealed = this.requests.get(this.name(peer, from));
      if (!bytes || !sealed) throw new Error(`rig: silence for peer ${peer}`);
      if (opened.has(peer)) throw new Error(`rig: two answers to peer ${peer}`);
      opened.set(peer, { ...sealed.open(bytes), held });
    }
    return opened;
  }

  /** One request until its reply is there; commits unless the harness does it. */
  ask(command: CommandName, payload?: Uint8Array, encryption?: Encryption): RaidaReply {
    const peer = this.send(this.seal(command, payload, encryption));
    this.server.settleCommitted();
    const reply = this.replies().get(peer);
    if (!reply) throw new Error('rig: no reply');
    return reply;
  }

  /** Loads the pages of (denomination, serial number) coins. */
  warm(...coins: (readonly [number, number])[]): void {
    const list = coins.map(([denomination, serial]) => coin(denomination, serial, newAn(0)));
    this.ask('detect', joined(...list));
  }

  private name(peer: number, harness: Harness): number {
    return peer * 16 + harness.engine.worker;
  }
}

/** Statuses of the replies, in the order of their peers. */
export function statuses(replies: Map<number, RaidaReply>): number[] {
  return [...replies].sort(([a], [b]) => a - b).map(([, { status }]) => status);
}
