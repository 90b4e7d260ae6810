/**
 * What a session costs without sockets: one engine fills a stream, another reads it, and packets
 * are copied from one memory to the other. Time is virtual, so that the pacer never waits; what is
 * measured is the time spent in the calls of each side.
 */
import { CLIENT_IDENTITY } from '../../../host-common/src/engine/configuration.ts';
import { Engine } from '../../../host-common/src/engine/engine.ts';
import { TransferEventKind } from '../../../host-common/src/engine/generated/transfer.ts';
import { plainEngine } from '../../../host-common/src/engine/module.ts';
import {
  EngineTransfer,
  transferSizes,
} from '../../../host-common/src/transfer/engine-transfer.ts';
import { simulatedAddress } from '../../simulation/network.ts';

export interface SessionRow {
  mtu: number;
  bytes: number;
  /** What has left the side that sends, packets with all that is around them. */
  wireBytes: number;
  packets: number;
  /** Seconds in the calls of the side that sends, and of the other. */
  sendingS: number;
  receivingS: number;
}

const PIECE = new Uint8Array(262144).map((_, i) => (i * 7) >> 3);
/** Virtual time of a turn: short enough for any rate that an engine reaches. */
const TURN_US = 20;

class Side {
  readonly transfer: EngineTransfer;
  readonly session: number;
  seconds = 0;
  packets = 0;

  constructor(engine: Engine, clock: () => number, initiator: boolean, mtu: number) {
    this.transfer = new EngineTransfer(engine, clock);
    const key = (value: number) => new Uint8Array(32).fill(value);
    this.session =
      this.transfer.open({
        k1: key(1),
        k2: key(2),
        handshakeHash: key(3),
        initiator,
        roundTripUs: 100,
        peerMaxStreams: 4,
        peerWindowKiB: 16384,
        maxStreams: 4,
        windowKiB: 16384,
        mtuMax: mtu,
        // The bench is about packets: no rekey in between.
        rekeySeconds: 100000,
        rekeyPackets: 4000000000,
        secret: key(4),
        path: simulatedAddress(initiator ? 1 : 0, 1),
      }) ?? 0;
  }

  timed<T>(work: () => T): T {
    const started = performance.now();
    const result = work();
    this.seconds += (performance.now() - started) / 1000;
    return result;
  }

  /** Sends what it may to the other side; gives the packets. */
  sendTo(other: Side, from: Uint8Array): number {
    this.transfer.step();
    const count = this.timed(() => this.transfer.send());
    for (let i = 0; i < count; i++) other.transfer.putReceived(this.transfer.sent(i).bytes, from);
    this.packets += count;
    return count;
  }
}

/** What is moved: any bytes, over and over; whether they go compressed. */
export interface SessionContent {
  piece?: Uint8Array;
  compress?: boolean;
}

/** Moves `megabytes` through one session. */
export async function benchSession(
  mtu: number,
  megabytes: number,
  { piece = PIECE, compress = false }: SessionContent = {},
): Promise<SessionRow> {
  const module = await plainEngine();
  let nowUs = 1e6;
  const clock = () => nowUs;
  const sizes = transferSizes({ sessions: 1, sentChunks: 1000, blocks: 4096, ranges: 4096 });
  const make = () => Engine.create({ module, sizes, identity: CLIENT_IDENTITY });
  const [sender, receiver] = [
    new Side(make(), clock, true, mtu),
    new Side(make(), clock, false, mtu),
  ];
  const [toReceiver, toSender] = [simulatedAddress(0, 1), simulatedAddress(1, 1)];
  const bytes = megabytes * 1e6;
  const stream = sender.transfer.streams.open(sender.session, { bidi: false, compress }) ?? 0;
  let written = 0;
  let read = 0;
  let incoming = 0;
  while (read < bytes) {
    const left = Math.min(piece.length, bytes - written);
    sender.timed(() => {
      written += sender.transfer.streams.write(stream, written, piece.subarray(0, left));
    });
    const sent = sender.sendTo(receiver, toReceiver);
    if (sent) receiver.timed(() => receiver.transfer.receive());
    receiver.transfer.drain((event) => {
      if (event.kind === TransferEventKind.STREAM_OPENED) incoming = event.stream;
    });
    if (incoming) {
      receiver.timed(() => {
        read += receiver.transfer.streams.read(incoming, () => undefined);
      });
    }
    if (receiver.sendTo(sender, toSender)) sender.timed(() => sender.transfer.receive());
    sender.transfer.drain(() => undefined);
    nowUs += sent ? TURN_US : 200;
  }
  const { MTU: reached = 0, BYTES_SENT: wireBytes = 0 } =
    sender.transfer.statistics(sender.session) ?? {};
  return {
    mtu: reached,
    bytes,
    wireBytes,
    packets: sender.packets,
    sendingS: sender.seconds,
    receivingS: receiver.seconds,
  };
}
