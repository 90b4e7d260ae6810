/**
 * Sessions that send as much as they can over one bottleneck: what congestion control is judged by.
 * All of one side's sessions send to one far end, so that they share its queue.
 */
import { TransferEventKind } from '../../host-common/src/engine/generated/transfer.ts';
import { EngineTransfer, type Statistics } from '../../host-common/src/transfer/engine-transfer.ts';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from './clock.ts';
import { Endpoint } from './endpoint.ts';
import { newMachines } from './machines.ts';
import { type Link, Network, PERFECT, simulatedAddress } from './network.ts';

/** Bytes that are written at a time. */
const PIECE = new Uint8Array(16384).fill(0xda);

interface Flow {
  session: number;
  /** The same session as the receiver has it. */
  twin: number;
  stream: number | undefined;
  written: number;
}

export interface BulkOptions {
  /** The way to the receiver, over PERFECT. */
  link: Partial<Link>;
  /** The way back. */
  back?: Partial<Link>;
  flows?: number;
  seed: number;
}

export class Bulk {
  readonly flows: Flow[] = [];
  readonly clock = new VirtualClock(1e6);
  readonly network: Network;
  /** Longest time that a packet waited for the link since it was last set to 0, microseconds. */
  queueUs = 0;
  private readonly rate: number;
  private freeUs = 0;
  private readonly sender: Endpoint;
  private readonly receiver: Endpoint;

  constructor(module: WebAssembly.Module, { link, back = {}, flows = 1, seed }: BulkOptions) {
    const random = randomFrom(seed);
    const { engines } = newMachines(module);
    const forward = { ...PERFECT, ...link };
    this.rate = forward.rate;
    this.network = new Network(this.clock, random);
    const endpoint = (side: 0 | 1, way: Link) => {
      const transfer = (clock: () => number) => new EngineTransfer(engines[side], clock);
      const address = simulatedAddress(side, 1);
      this.network.setLink(side, way);
      const { clock, network } = this;
      return new Endpoint({ transfer, clock, network, host: side, address });
    };
    this.sender = endpoint(0, { ...PERFECT, ...back });
    this.receiver = endpoint(1, forward);
    this.network.watch = ({ fate, bytes, to }) => this.watch(fate, bytes.length, to);
    this.receiver.onEvent = ({ kind, stream }) => {
      if (kind === TransferEventKind.STREAM_READABLE)
        this.receiver.transfer.streams.read(stream, drop);
    };
    this.sender.onTurn = () => this.write();
    for (let i = 0; i < flows; i++) this.open(random);
  }

  private open(random: (below: number) => number): void {
    const bytes = () => Uint8Array.from({ length: 32 }, () => random(256));
    const keys = { k1: bytes(), k2: bytes(), handshakeHash: bytes(), secret: bytes() };
    const common = {
      ...keys,
      roundTripUs: 40000,
      peerMaxStreams: 8,
      peerWindowKiB: 4096,
      maxStreams: 8,
      windowKiB: 4096,
      mtuMax: 1472,
    };
    const { sender, receiver } = this;
    const path = receiver.address;
    const session = sender.transfer.open({ ...common, initiator: true, path });
    const twin = receiver.transfer.open({ ...common, initiator: false, path: sender.address });
    if (session === undefined || twin === undefined) throw new Error('no room for a session');
    this.flows.push({ session, twin, stream: undefined, written: 0 });
  }

  /** Begins to send on a flow. */
  start(index: number): void {
    const flow = this.flows[index] as Flow;
    flow.stream = this.sender.transfer.streams.open(flow.session, { bidi: false });
    if (flow.stream === undefined) throw new Error('no stream');
    this.clock.at(this.clock.nowUs, () => this.sender.pump());
  }

  private write(): void {
    for (const flow of this.flows) {
      if (flow.stream === undefined) continue;
      for (;;) {
        const done = this.sender.transfer.streams.write(flow.stream, flow.written, PIECE);
        flow.written += done;
        if (done < PIECE.length) break;
      }
    }
  }

  private watch(fate: string, bytes: number, to: Uint8Array): void {
    if (fate !== 'sent' || !this.rate || Buffer.compare(to, this.receiver.address) !== 0) return;
    const { nowUs } = this.clock;
    this.queueUs = Math.max(this.queueUs, this.freeUs - nowUs);
    this.freeUs = Math.max(this.freeUs, nowUs) + (bytes * 1e6) / this.rate;
  }

  /** Goes on for `us`; gives the bytes of UDP payload of each flow that arrived in the time. */
  run(us: number): number[] {
    const until = this.clock.nowUs + us;
    const before = this.flows.map((flow) => this.arrived(flow));
    while (this.clock.nextUs() <= until) this.clock.step();
    return this.flows.map((flow, i) => this.arrived(flow) - (before[i] ?? 0));
  }

  /** Goes on for `us`; gives the share of the link's rate that was used. */
  used(us: number): number {
    return (this.run(us).reduce((sum, bytes) => sum + bytes, 0) * 1e6) / (this.rate * us);
  }

  statistics(index: number): Statistics {
    const { session } = this.flows[index] as Flow;
    const statistics = this.sender.transfer.statistics(session);
    if (!statistics) throw new Error('the session is gone');
    return statistics;
  }

  private arrived({ twin }: Flow): number {
    return this.receiver.transfer.statistics(twin)?.BYTES_RECEIVED ?? 0;
  }
}

function drop(): void {}
