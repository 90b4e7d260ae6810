/**
 * One session with a stream that is read as it comes and others whose reader is slow, over one
 * bottleneck: the bytes that the receiver has no room for must not slow down the one that is read.
 */
import type { TransferSizes } from '../../host-common/src/engine/configuration.ts';
import { TransferEventKind } from '../../host-common/src/engine/generated/transfer.ts';
import { EngineTransfer } from '../../host-common/src/transfer/engine-transfer.ts';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from './clock.ts';
import { Endpoint } from './endpoint.ts';
import { newMachines } from './machines.ts';
import { Network, PERFECT, simulatedAddress } from './network.ts';

/** Bytes that are written at a time, and what a slow reader takes at a time: a block. */
const PIECE = new Uint8Array(16384).fill(0xda);
const DELAY_US = 20000;

export interface SlowReadersOptions {
  seed: number;
  /** Bytes a second of the way to the receiver. */
  rate: number;
  slow: number;
  /** Bytes a second that each of the slow ones is read at; 0: never. */
  slowRate: number;
  sizes: TransferSizes;
}

export class SlowReaders {
  /** Bytes that were read of the fast stream. */
  read = 0;
  private readonly clock = new VirtualClock(1e6);
  private readonly receiver: Endpoint;
  private readonly sender: Endpoint;
  private readonly streams: { stream: number; written: number }[] = [];
  private readonly slow: number[] = [];
  private fast: number | undefined;

  constructor(module: WebAssembly.Module, options: SlowReadersOptions) {
    const { seed, rate, slow, slowRate, sizes } = options;
    const random = randomFrom(seed);
    const { engines } = newMachines(module, { sizes: [sizes, sizes] });
    const network = new Network(this.clock, random);
    const { clock } = this;
    const endpoint = (side: 0 | 1) => {
      const transfer = (time: () => number) => new EngineTransfer(engines[side], time);
      const queueBytes = (8 * rate * DELAY_US) / 1e6;
      const link = { ...PERFECT, delayUs: DELAY_US, ...(side ? { rate, queueBytes } : {}) };
      network.setLink(side, link);
      const address = simulatedAddress(side, 1);
      return new Endpoint({ transfer, clock, network, host: side, address });
    };
    this.sender = endpoint(0);
    this.receiver = endpoint(1);
    const bytes = () => Uint8Array.from({ length: 32 }, () => random(256));
    const keys = { k1: bytes(), k2: bytes(), handshakeHash: bytes(), secret: bytes() };
    const limits = { peerMaxStreams: 32, maxStreams: 32, peerWindowKiB: 1024, windowKiB: 1024 };
    const common = { ...keys, ...limits, roundTripUs: 2 * DELAY_US, mtuMax: 1472 };
    const path = this.receiver.address;
    const session = this.sender.transfer.open({ ...common, initiator: true, path });
    const there = { ...common, initiator: false, path: this.sender.address };
    if (session === undefined || this.receiver.transfer.open(there) === undefined)
      throw new Error('no room for a session');
    this.receiver.onEvent = ({ kind, stream, number }) => {
      if (kind === TransferEventKind.STREAM_OPENED && number !== 1) this.slow.push(stream);
      if (kind === TransferEventKind.STREAM_OPENED && number === 1) this.fast = stream;
      if (stream === this.fast) this.read += this.receiver.transfer.streams.read(stream, () => {});
    };
    this.sender.onTurn = () => this.write();
    for (let i = 0; i <= slow; i++) {
      const stream = this.sender.transfer.streams.open(session, { bidi: false });
      if (stream === undefined) throw new Error('no stream');
      this.streams.push({ stream, written: 0 });
    }
    clock.at(clock.nowUs, () => this.sender.pump());
    if (slowRate) this.readSlowly((PIECE.length * 1e6) / slowRate);
  }

  private readSlowly(everyUs: number): void {
    this.clock.at(this.clock.nowUs + everyUs, () => {
      for (const stream of this.slow) this.receiver.transfer.streams.read(stream, () => {}, 1);
      this.receiver.pump();
      this.readSlowly(everyUs);
    });
  }

  private write(): void {
    for (const one of this.streams) {
      for (;;) {
        const done = this.sender.transfer.streams.write(one.stream, one.written, PIECE);
        one.written += done;
        if (done < PIECE.length) break;
      }
    }
  }

  /** Goes on for `us`; the bytes of the fast stream that were read in the time. */
  run(us: number): number {
    const before = this.read;
    const until = this.clock.nowUs + us;
    while (this.clock.nextUs() <= until) this.clock.step();
    return this.read - before;
  }
}
