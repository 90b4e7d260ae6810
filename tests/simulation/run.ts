/**
 * Runs one scenario between two endpoints and judges it: every byte arrives, in order and once; the
 * session then closes and leaves nothing behind in either engine.
 */

import { CLIENT_IDENTITY, type TransferSizes } from '../../host-common/src/engine/configuration.ts';
import { Engine } from '../../host-common/src/engine/engine.ts';
import { Region } from '../../host-common/src/engine/generated/layout.ts';
import { TransferBlock } from '../../host-common/src/engine/generated/transfer.ts';
import { EngineTransfer, transferSizes } from '../../host-common/src/transfer/engine-transfer.ts';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from './clock.ts';
import { Endpoint } from './endpoint.ts';
import { Network, PERFECT, simulatedAddress } from './network.ts';
import type { Incident, Scenario } from './scenario.ts';
import { Workload } from './workload.ts';

/** Virtual time in which everything has to be over: the idle time, outages, slow links. */
const LIMIT_US = 600e6;
/** Actions of a run: more is a loop. */
const ACTIONS_MAX = 500_000;
const SECOND_US = 1e6;
/** Pools of the engine, and their heads (assembly/core/transfer-memory.ts). */
const POOLS = 7;
const POOL_HEAD_BYTES = 64;
const POOL_TAKEN = 8;

export interface Outcome {
  seed: number;
  /** Undefined: all was well. */
  failure: string | undefined;
  virtualUs: number;
  packets: number;
  bytes: number;
  received: number;
  /** A hash over every packet and when it went: two runs of a seed are equal. */
  trace: number;
}

export interface Machines {
  engines: [Engine, Engine];
  /** Virtual time at which the next run begins; the engines' clocks do not go back. */
  startUs: number;
}

/** Pools with room for everything, and pools that a run meets the end of. */
const ROOMY: TransferSizes = {
  sessions: 4,
  streams: 128,
  sentChunks: 256,
  keyChunks: 128,
  blocks: 512,
  ranges: 8192,
  messages: 128,
  events: 1024,
};
const TIGHT: TransferSizes = {
  sessions: 1,
  streams: 8,
  sentChunks: 3,
  keyChunks: 1,
  blocks: 24,
  ranges: 160,
  messages: 8,
  events: 64,
};

/** Two engines, which many runs may use one after the other. */
export function newMachines(module: WebAssembly.Module, tight = false): Machines {
  const make = () => {
    const sizes = transferSizes(tight ? TIGHT : ROOMY);
    const identity = { ...CLIENT_IDENTITY, hashKey: new Uint8Array(16) };
    return Engine.create({ module, sizes, identity });
  };
  return { engines: [make(), make()], startUs: SECOND_US };
}

/** Entries of each pool that are taken. */
export function taken(engine: Engine): number[] {
  const heads = engine.region(Region.TRANSFER) + TransferBlock.BYTES;
  return Array.from({ length: POOLS }, (_, pool) => {
    return engine.u32[(heads + pool * POOL_HEAD_BYTES + POOL_TAKEN) >>> 2] ?? 0;
  });
}

export class Run {
  readonly clock: VirtualClock;
  readonly network: Network;
  readonly endpoints: [Endpoint, Endpoint];
  readonly workloads: [Workload, Workload];
  private readonly scenario: Scenario;
  private readonly machines: Machines;
  private readonly random: (below: number) => number;
  private readonly startUs: number;
  private trace = 0;
  private port = 1;
  private newest: Uint8Array = new Uint8Array(64);

  constructor(machines: Machines, scenario: Scenario) {
    this.machines = machines;
    this.scenario = scenario;
    this.random = randomFrom(scenario.seed ^ 0x5eed);
    this.startUs = machines.startUs;
    this.clock = new VirtualClock(machines.startUs);
    this.network = new Network(this.clock, this.random);
    this.network.watch = (fate, bytes) => this.note(fate, bytes);
    const endpoint = (side: 0 | 1) =>
      new Endpoint(
        {
          transfer: new EngineTransfer(machines.engines[side], () => this.clock.nowUs),
          clock: this.clock,
          network: this.network,
          random: this.random,
        },
        simulatedAddress(side, 1),
        scenario.links[side],
      );
    this.endpoints = [endpoint(0), endpoint(1)];
    const keys = Array.from({ length: 3 }, () => this.bytes(32));
    this.workloads = [this.openSide(0, keys), this.openSide(1, keys)];
  }

  private bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.random(256));
  }

  private openSide(side: 0 | 1, keys: Uint8Array[]): Workload {
    const { scenario } = this;
    const [k1, k2, handshakeHash] = keys as [Uint8Array, Uint8Array, Uint8Array];
    const endpoint = this.endpoints[side];
    const session = endpoint.transfer.open({
      k1,
      k2,
      handshakeHash,
      initiator: side === 0,
      roundTripUs: side === 0 ? scenario.links[0].delayUs + scenario.links[1].delayUs : 0,
      peerMaxStreams: 64,
      peerWindowKib: scenario.windowKib,
      maxStreams: 64,
      windowKib: scenario.windowKib,
      headerProtection: scenario.headerProtection,
      mtuMax: 1472,
      rekeyPackets: scenario.rekeyPackets,
      rekeySeconds: scenario.rekeySeconds,
      secret: this.bytes(32),
      path: this.endpoints[1 - side]?.address ?? PERFECT_ADDRESS,
    });
    if (session === undefined) throw new Error('no room for a session');
    endpoint.transfer.keepalive(session, scenario.keepalive);
    const workload = new Workload(endpoint, session, scenario.streams, side);
    endpoint.onEvent = (event) => workload.take(event);
    endpoint.onTurn = () => workload.turn();
    return workload;
  }

  private note(fate: string, bytes: Uint8Array): void {
    let hash = (this.trace ^ fate.length ^ (this.clock.nowUs - this.startUs)) >>> 0;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
    this.trace = hash;
    this.newest = bytes.slice();
  }

  private pump(side: 0 | 1): void {
    this.endpoints[side].pump();
  }

  private schedule(): void {
    const from = this.clock.nowUs;
    this.scenario.streams.forEach((plan, number) => {
      this.clock.at(from + plan.atUs, () => {
        this.workloads[plan.side].release(number);
        this.pump(plan.side);
      });
    });
    for (const incident of this.scenario.incidents) {
      this.clock.at(from + incident.atUs, () => this.happen(incident));
    }
    this.clock.at(from, () => this.pump(0));
    this.clock.at(from, () => this.pump(1));
  }

  private happen({ kind, side }: Incident): void {
    const endpoint = this.endpoints[side];
    const { session } = this.workloads[side];
    const link = this.scenario.links[side];
    switch (kind) {
      case 'cut':
      case 'mend':
        this.network.cut(endpoint.address, kind === 'cut');
        return;
      case 'rebind':
        endpoint.rebind(simulatedAddress(side, ++this.port), link);
        return;
      case 'move':
        endpoint.rebind(simulatedAddress(side + 2 * ++this.port, 7), link);
        endpoint.transfer.migrate(session, this.endpoints[1 - side]?.address ?? PERFECT_ADDRESS);
        break;
      case 'shrink':
        this.network.setLink(endpoint.address, { ...link, mtu: 1252 });
        return;
      case 'rekey':
        endpoint.transfer.rekey(session);
        break;
      case 'ping':
        endpoint.transfer.ping(session);
        break;
      case 'forge':
        this.forge(side);
        return;
    }
    this.pump(side);
  }

  /** Packets of an outsider: garbage, with a prefix that he has seen and any number. */
  private forge(side: 0 | 1): void {
    for (let i = 0; i < 20; i++) {
      const bytes = this.bytes(52 + this.random(200));
      if (this.random(4)) bytes.set(this.newest.subarray(0, 4 + this.random(4)));
      const from = simulatedAddress(99, i);
      this.network.send(bytes, from, this.endpoints[side].address);
    }
  }

  /** Runs until `done` or the time is over; the failure, if there is one. */
  private until(done: () => boolean, what: string): string | undefined {
    for (let actions = 0; !done(); actions++) {
      if (this.clock.nowUs - this.startUs > LIMIT_US) return `${what}: time is over`;
      if (actions > ACTIONS_MAX) return `${what}: too many actions`;
      const closed = this.workloads.find((workload) => workload.closed);
      if (closed && what === 'transfer') return `closed with ${JSON.stringify(closed.closed)}`;
      if (!this.clock.step()) return `${what}: nothing happens any more`;
    }
    return undefined;
  }

  /** Everything; engines that threw are not to be used again. */
  run(): Outcome {
    this.schedule();
    const [caller, answerer] = this.workloads;
    let failure: string | undefined;
    try {
      failure = this.until(() => this.transferred(), 'transfer');
      this.endpoints[0].transfer.close(caller.session, 0, 'done');
      this.clock.at(this.clock.nowUs, () => this.pump(0));
      failure ??= this.until(() => caller.sessionGone && answerer.sessionGone, 'close');
      failure ??= this.leftBehind();
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    this.machines.startUs = Math.ceil(this.clock.nowUs / SECOND_US + 100) * SECOND_US;
    return {
      seed: this.scenario.seed,
      failure,
      virtualUs: this.clock.nowUs - this.startUs,
      packets: this.network.counts.sent,
      bytes: this.network.counts.bytes,
      received: caller.received + answerer.received,
      trace: this.trace,
    };
  }

  private transferred(): boolean {
    const [caller, answerer] = this.workloads;
    if (!caller.complete || !answerer.complete) return false;
    const { streams } = this.scenario;
    return caller.gone === streams.length && answerer.gone === streams.length;
  }

  private leftBehind(): string | undefined {
    for (const [side, engine] of this.machines.engines.entries()) {
      const counts = taken(engine);
      if (counts.some((count) => count !== 0)) return `side ${side} keeps entries: ${counts}`;
    }
    return undefined;
  }
}

const PERFECT_ADDRESS = simulatedAddress(0, 0);
export const PERFECT_LINKS: [typeof PERFECT, typeof PERFECT] = [PERFECT, PERFECT];
