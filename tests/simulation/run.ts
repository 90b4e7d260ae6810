/**
 * Runs one scenario and judges it: nodes call each other over a network with faults, every byte
 * arrives, in order and once, sessions end as they should, and nothing is left behind.
 */
import {
  SessionState,
  TransferEventKind,
} from '../../host-common/src/engine/generated/transfer.ts';
import { equalBytes } from '../../host-common/src/transfer/byte-strings.ts';
import {
  EngineTransfer,
  type TransferEventOf,
} from '../../host-common/src/transfer/engine-transfer.ts';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from './clock.ts';
import { type MachineOptions, type Machines, newMachines, taken } from './machines.ts';
import { Network, nameOfAddress, type Passage, simulatedAddress } from './network.ts';
import { type Calling, SimulatedNode } from './node.ts';
import { Onlooker } from './onlooker.ts';
import { Outsiders } from './outsiders.ts';
import { Pair } from './pair.ts';
import type { Recorder } from './recorder.ts';
import { HEAL_US, type Incident, type Scenario } from './scenario.ts';

/** Virtual time in which everything has to be over: the idle time, outages, slow links. */
const LIMIT_US = 900e6;
/** Actions of a run: more is a loop. */
const ACTIONS_MAX = 1_000_000;
/** When a move is tried again that has to wait for another. */
const MOVE_AGAIN_US = 20_000;
/** The peer knows one index of ours after a rekey. What shows it is answered within so long. */
const AFTER_REKEY_US = 1e6;
/** How often is looked whether things go on, once all is well. */
const WATCH_US = 1e6;

export interface Outcome {
  seed: number;
  /** Undefined: all was well. */
  failure: string | undefined;
  virtualUs: number;
  packets: number;
  bytes: number;
  received: number;
  /** Calls that were made, more than one for a pair if one failed. */
  calls: number;
  rekeys: number;
  migrations: number;
  /** A hash over every packet and when it went: two runs of a seed are equal. */
  trace: number;
}

/** Runs a scenario on machines of its own. */
export function runScenario(
  module: WebAssembly.Module,
  scenario: Scenario,
  options: MachineOptions = {},
): Outcome {
  const machines = newMachines(module, { ...options, nodes: scenario.nodes.length });
  return new Run(machines, scenario).run();
}

export class Run {
  readonly clock: VirtualClock;
  readonly network: Network;
  readonly nodes: SimulatedNode[];
  readonly pairs: Pair[];
  private readonly outsiders: Outsiders;
  private readonly scenario: Scenario;
  private readonly machines: Machines;
  private readonly recorder: Recorder | undefined;
  private readonly random: (below: number) => number;
  private readonly startUs: number;
  private readonly foreign: Calling[] = [];
  private trace = 0;
  private port = 1;
  private isWell = false;
  private hasMoved = false;
  private areScheduled = false;
  readonly onlooker = new Onlooker();
  /** Sessions that are moving, and where to; moves begun, and refused. */
  private readonly moving = new Map<string, Uint8Array>();
  /** When they had new keys last. */
  private readonly rekeyedUs = new Map<string, number>();
  /** Where their peers are, if they have moved. */
  private readonly places = new Map<string, Uint8Array>();
  readonly moves = { begun: 0, refused: 0 };

  constructor(machines: Machines, scenario: Scenario, recorder?: Recorder) {
    this.machines = machines;
    this.scenario = scenario;
    this.recorder = recorder;
    this.random = randomFrom(scenario.seed ^ 0x5eed);
    this.startUs = machines.startUs;
    this.clock = new VirtualClock(machines.startUs);
    this.network = new Network(this.clock, this.random);
    this.network.watch = (passage) => this.note(passage);
    this.outsiders = new Outsiders(this.network, this.random);
    this.nodes = scenario.nodes.map((_, host) => this.nodeOf(host));
    this.pairs = scenario.pairs.map((plan) => this.pairOf(plan));
  }

  private nodeOf(host: number): SimulatedNode {
    const engine = this.machines.engines[host];
    const identity = this.machines.identities[host];
    const plan = this.scenario.nodes[host];
    if (!engine || !identity || !plan) throw new Error('more nodes than machines');
    this.network.setLink(host, plan.link);
    const { clock, network, random, recorder } = this;
    const { x25519 } = this.machines;
    const transfer = (time: () => number) =>
      recorder?.transfer(host, engine, time, () => clock.nowUs) ?? new EngineTransfer(engine, time);
    const address = this.addressOf(host, host, 1);
    const parts = { transfer, clock, network, host, address, plan, identity, x25519, random };
    const node = new SimulatedNode(parts);
    node.endpoint.alsoAt(this.addressOf(host, host + 128, 1));
    this.watchMoves(node);
    node.endpoint.onTurn = () => {
      for (const pair of this.pairs) pair.turn(node);
    };
    if (recorder) node.endpoint.onPacket = (packet) => recorder.packet(host, packet);
    if (this.scenario.patient) this.onlooker.watch(node);
    return node;
  }

  private watchMoves({ endpoint }: SimulatedNode): void {
    const take = endpoint.onEvent;
    endpoint.onEvent = (event) => {
      const name = `${endpoint.host} ${event.session}`;
      if (event.kind === TransferEventKind.REKEYED) this.rekeyedUs.set(name, this.clock.nowUs);
      if (event.kind === TransferEventKind.PATH_FAILED) this.moving.delete(name);
      if (event.kind === TransferEventKind.MIGRATED) {
        this.places.set(name, event.path.slice());
        if (this.isThere(endpoint, event)) this.moving.delete(name);
      }
      take?.(event);
    };
  }

  /** Has a session come to where it moves to? It may have been led elsewhere meanwhile. */
  private isThere({ host, transfer }: SimulatedNode['endpoint'], event: TransferEventOf): boolean {
    const target = this.moving.get(`${host} ${event.session}`);
    if (!target || nameOfAddress(target) === nameOfAddress(event.path)) return true;
    return transfer.statistics(event.session)?.STATE === SessionState.ESTABLISHED;
  }

  /** An address for a host; `number` is its own, or another where it moves to. */
  private addressOf(host: number, number: number, port: number): Uint8Array<ArrayBuffer> {
    const address = simulatedAddress(number, port);
    this.recorder?.at(address, host);
    return address;
  }

  private pairOf(plan: Scenario['pairs'][number]): Pair {
    const caller = this.nodes[plan.caller];
    const called = this.nodes[plan.called];
    if (!caller || !called) throw new Error('a pair of nobody');
    const later = (us: number, action: () => void) => this.clock.at(this.clock.nowUs + us, action);
    const mayExpire = () => this.hasMoved && this.scenario.mayExpire;
    return new Pair({ plan, nodes: [caller, called], network: this.network, later, mayExpire });
  }

  private note(passage: Passage): void {
    const { fate, bytes } = passage;
    let hash = (this.trace ^ fate.length ^ (this.clock.nowUs - this.startUs)) >>> 0;
    const copy = bytes.slice();
    const words = new Uint32Array(copy.buffer, 0, copy.length >>> 2);
    for (const word of words) hash = Math.imul(hash ^ word ^ (hash >>> 15), 16777619) >>> 0;
    for (const byte of copy.subarray(4 * words.length)) {
      hash = Math.imul(hash ^ byte, 16777619) >>> 0;
    }
    this.trace = hash;
    this.outsiders.see(passage);
    this.recorder?.passage(this.clock.nowUs, passage);
  }

  private pump(node: number): void {
    this.nodes[node]?.endpoint.pump();
  }

  private schedule(): void {
    const from = this.clock.nowUs;
    for (const pair of this.pairs) {
      const { atUs, crossedUs } = pair.plan;
      this.clock.at(from + atUs, () => pair.call(0));
      if (crossedUs !== undefined) this.clock.at(from + atUs + crossedUs, () => pair.call(1));
    }
    if (!this.scenario.fromSession) this.scheduleIncidents();
    this.clock.at(from + HEAL_US, () => this.heal());
  }

  private scheduleIncidents(): void {
    this.areScheduled = true;
    for (const incident of this.scenario.incidents) {
      this.clock.at(this.clock.nowUs + incident.atUs, () => this.happen(incident));
    }
  }

  /** From now on all is well, and everything has to come to an end. */
  private heal(): void {
    this.recorder?.incident(this.clock.nowUs, 'all is well');
    this.isWell = true;
    this.network.heal();
    for (const node of this.nodes) node.wallOffUs = 0;
    this.watch();
  }

  private watch(): void {
    for (const pair of this.pairs) pair.watch(this.clock.nowUs);
    if (!this.isOver()) this.clock.at(this.clock.nowUs + WATCH_US, () => this.watch());
  }

  private happen(incident: Incident): void {
    if (this.mustWait(incident)) {
      this.clock.at(this.clock.nowUs + MOVE_AGAIN_US, () => this.happen(incident));
      return;
    }
    const { kind, node: number, us = 0, from = 'all' } = incident;
    const node = this.nodes[number];
    if (!node) throw new Error('an incident of nobody');
    this.recorder?.incident(this.clock.nowUs, kind, number, us);
    const { endpoint } = node;
    switch (kind) {
      case 'cut':
      case 'mend':
        this.network.cut(from, number, kind === 'cut');
        return;
      case 'rebind':
        this.hasMoved = true;
        this.rebind(endpoint, this.addressOf(number, number, ++this.port));
        return;
      case 'move':
      case 'roam':
      case 'astray':
        this.move(node, incident);
        break;
      case 'shrink':
        this.network.setLink(number, { ...this.network.linkOf(number), mtu: 1252 });
        return;
      case 'rekey':
        for (const { handle } of node.sessions) endpoint.transfer.rekey(handle);
        break;
      case 'ping':
        for (const { handle } of node.sessions) endpoint.transfer.ping(handle);
        break;
      case 'forge':
        this.outsiders.forge(endpoint.address);
        return;
      case 'replay':
        this.outsiders.replay();
        return;
      case 'jump':
        endpoint.jump(us);
        break;
      case 'calendar':
        node.wallOffUs += us;
        return;
      case 'sleep':
        endpoint.sleep(us);
        return;
      case 'stranger':
        this.outsiders.stranger(node);
        return;
      case 'foreigner': {
        const other = this.nodes[(number + 1) % this.nodes.length] ?? node;
        this.foreign.push(this.outsiders.foreigner(node, other));
      }
    }
    this.pump(number);
  }

  private mustWait({ kind, node }: Incident): boolean {
    if (!this.scenario.patient || !['move', 'roam', 'astray'].includes(kind)) return false;
    const { sessions = [], endpoint } = this.nodes[node] ?? {};
    return sessions.some(({ handle }) => {
      const name = `${node} ${handle}`;
      const rekeyedUs = this.rekeyedUs.get(name) ?? Number.NEGATIVE_INFINITY;
      if (this.clock.nowUs - rekeyedUs < AFTER_REKEY_US) return true;
      if (this.moving.has(name)) return true;
      // A rekey brings new CIDs, also in place of those of attempts that failed.
      return endpoint?.transfer.statistics(handle)?.STATE === SessionState.REKEYING;
    });
  }

  /** A NAT has another mapping for it, and it does not know. */
  private rebind(endpoint: SimulatedNode['endpoint'], address: Uint8Array<ArrayBuffer>): void {
    this.onlooker.rebound(endpoint.address, address);
    endpoint.rebind(address);
  }

  /** To another network, or another address of the peer: its sessions go on from there. */
  private move(node: SimulatedNode, incident: Incident): void {
    const { host, transfer } = node.endpoint;
    if (node.sessions.some(({ session }) => !session.isOpen)) return;
    this.hasMoved = true;
    if (incident.kind === 'move') {
      node.endpoint.rebind(this.addressOf(host, host + 256 * ++this.port, 7));
    }
    for (const { handle, session } of node.sessions) {
      const isPeer = (other: SimulatedNode) =>
        equalBytes(other.identity.noise.publicKey, session.peerKey);
      const peer = this.nodes.find(isPeer);
      if (!peer) continue;
      this.moves.begun++;
      const name = `${host} ${handle}`;
      const place = this.places.get(name) ?? peer.endpoint.address;
      const target = this.placeFor(incident, place, peer);
      this.moving.set(name, target);
      if (!transfer.migrate(handle, target)) this.moves.refused++;
    }
  }

  private placeFor({ kind }: Incident, place: Uint8Array, { endpoint }: SimulatedNode): Uint8Array {
    if (kind === 'move') return place;
    if (kind === 'astray') return simulatedAddress(0xffff, ++this.port);
    return this.random(2) ? endpoint.address : simulatedAddress(endpoint.host + 128, 1);
  }

  private isOver(): boolean {
    if (!this.pairs.every(({ state }) => state === 'over')) return false;
    if (this.foreign.some(({ call }) => call)) return false;
    return this.nodes.every((node) => {
      return node.sessions.length === 0 && node.wakeUs === Number.POSITIVE_INFINITY;
    });
  }

  /** Until everything is over, or the time is. */
  private play(): void {
    for (let actions = 0; !this.isOver(); actions++) {
      if (this.clock.nowUs - this.startUs > LIMIT_US) throw new Error('time is over');
      if (actions > ACTIONS_MAX) throw new Error('too many actions');
      if (!this.clock.step()) throw new Error('nothing happens any more');
      for (const pair of this.pairs) pair.look();
      if (!this.areScheduled && this.pairs[0]?.sessions) this.scheduleIncidents();
    }
    for (const { failure, session } of this.foreign)
      this.judgeForeign(failure, session !== undefined);
    for (const host of this.nodes.keys()) this.leftBehind(host);
    const [linked] = this.onlooker.linked;
    if (linked) throw new Error(`one CID on two ways, ${linked}`);
  }

  /** A call to a peer of another version; the one that it pretends to be may have called us. */
  private judgeForeign(failure: string | undefined, isCalled: boolean): void {
    if (isCalled || failure === 'ANDVARI_HANDSHAKE_VERSION') return;
    if (failure !== 'ANDVARI_HANDSHAKE_TIMEOUT') {
      throw new Error(`a call to another version came to ${failure}`);
    }
  }

  private leftBehind(host: number): void {
    const engine = this.machines.engines[host];
    const counts = engine ? taken(engine) : [];
    if (counts.some((count) => count !== 0)) throw new Error(`node ${host} keeps ${counts}`);
  }

  /** Everything. */
  run(): Outcome {
    let failure: string | undefined;
    try {
      this.schedule();
      this.play();
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    const state = this.isWell ? ' (all is well)' : '';
    const { network } = this;
    const workloads = this.pairs.flatMap((pair) => pair.workloads ?? []);
    const sum = (of: (workload: (typeof workloads)[number]) => number) =>
      workloads.reduce((all, workload) => all + of(workload), 0);
    return {
      seed: this.scenario.seed,
      failure: failure && `${failure}${state}`,
      virtualUs: this.clock.nowUs - this.startUs,
      packets: network.counts.sent,
      bytes: network.counts.bytes,
      received: sum(({ received }) => received),
      calls: this.pairs.reduce((all, { calls }) => all + calls, 0),
      rekeys: sum(({ rekeys }) => rekeys),
      migrations: sum(({ migrations }) => migrations),
      trace: this.trace,
    };
  }
}
