/** A peer that has the keys and compresses as it likes: what is no block ends the session. */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import {
  CloseError,
  Compression,
  FrameFlag,
  FrameType,
  TransferEventKind,
} from '@andvari/host-common/engine/generated/transfer';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineTransfer, transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { expect, it } from 'vitest';
import { simulatedAddress } from '../simulation/network.ts';

/** "abcd", twelve more from four back, "xyz". */
const BLOCK = Uint8Array.of(0x48, 97, 98, 99, 100, 4, 0, 0x30, 120, 121, 122);
const HEAD_BYTES = 28;
const OVERHEAD = 24;
const { CMP, SYN } = FrameFlag;

interface Frame {
  type: number;
  flags: number;
  payload: Uint8Array;
  stream?: number;
}

const OPEN: Frame = { type: FrameType.STREAM_OPEN, flags: 0, payload: new Uint8Array(8) };

/** A session to which frames come; what was read of its first stream, and how it ended. */
class Victim {
  closed: number | undefined;
  read = '';
  private readonly transfer: EngineTransfer;
  private readonly forger: Engine;
  private readonly keys: number;
  private readonly path = simulatedAddress(1, 1);
  private nowUs = 1_000_000;

  private constructor(engine: Engine, forger: Engine, compression: number) {
    this.transfer = new EngineTransfer(engine, () => this.nowUs);
    const key = (value: number) => new Uint8Array(32).fill(value);
    const keys = { k1: key(1), k2: key(2), handshakeHash: key(3), secret: key(4) };
    const streams = { peerMaxStreams: 4, peerWindowKiB: 256, maxStreams: 4, windowKiB: 256 };
    const { path } = this;
    const way = { initiator: false, mtuMax: 1472, path, compression };
    if (!this.transfer.open({ ...keys, ...streams, ...way })) throw new Error('no room');
    this.forger = forger;
    const area = forger.region(Region.LARGE_FRAMES);
    forger.u8.set([...keys.k1, ...keys.k2, ...keys.handshakeHash], area);
    this.keys = forger.exports.packetsStart(area, 1, 0);
  }

  static async make(compression: number = Compression.BOTH_WAYS): Promise<Victim> {
    const module = await plainEngine();
    const sizes = transferSizes({ sessions: 2, blocks: 64 });
    const engine = () => Engine.create({ module, sizes, identity: CLIENT_IDENTITY });
    return new Victim(engine(), engine(), compression);
  }

  take({ type, flags, payload, stream = 1 }: Frame): this {
    const { u8, exports } = this.forger;
    const packet = this.forger.region(Region.LARGE_FRAMES);
    const frame = new DataView(u8.buffer, packet + 8);
    u8.fill(0, packet, packet + OVERHEAD + HEAD_BYTES);
    frame.setUint8(8, type);
    frame.setUint8(9, flags);
    frame.setUint16(10, stream);
    frame.setUint16(24, payload.length);
    u8.set(payload, packet + 8 + HEAD_BYTES);
    const total = OVERHEAD + HEAD_BYTES + payload.length;
    if (exports.packetsSeal(this.keys, packet, total) !== total) throw new Error('not sealed');
    this.transfer.putReceived(u8.slice(packet, packet + total), this.path);
    this.transfer.receive();
    this.drain();
    return this;
  }

  private drain(): void {
    const { streams } = this.transfer;
    const decoder = new TextDecoder();
    this.transfer.drain(({ kind, stream, code }) => {
      if (kind === TransferEventKind.CLOSED) this.closed = code;
      if (kind === TransferEventKind.STREAM_OPENED || kind === TransferEventKind.STREAM_READABLE) {
        streams.read(stream, (bytes) => {
          this.read += decoder.decode(bytes.slice());
        });
      }
    });
  }
}

const data = (payload: Uint8Array, flags: number = CMP): Frame => {
  return { type: FrameType.DATA, flags, payload };
};

/** One literal and a match of the rest, to `length` bytes in all. */
function zeros(length: number): Uint8Array {
  const rest = length - 20;
  const more = new Uint8Array(Math.floor(rest / 255)).fill(255);
  return Uint8Array.of(0x1f, 48, 1, 0, ...more, rest % 255, 0);
}

it('a block is taken, also behind the hash of a chunk, and one of 64 KiB', async () => {
  const victim = (await Victim.make()).take(OPEN).take(data(BLOCK));
  expect([victim.read, victim.closed]).toEqual(['abcdabcdabcdabcdxyz', undefined]);
  const hashed = (await Victim.make()).take(OPEN);
  hashed.take(data(Uint8Array.of(...new Uint8Array(16), ...BLOCK), CMP | SYN));
  expect([hashed.read, hashed.closed]).toEqual(['abcdabcdabcdabcdxyz', undefined]);
  const large = (await Victim.make()).take(OPEN).take(data(zeros(65_536)));
  expect([large.read, large.closed]).toEqual(['0'.repeat(65_536), undefined]);
});

it.each<[string, Uint8Array]>([
  ['of 64 KiB and one byte', zeros(65_537)],
  ['of 330 KB, in one packet', zeros(330_000)],
  ['cut off', BLOCK.subarray(0, 10)],
  ['that ends in a match', BLOCK.subarray(0, 7)],
  ['whose match begins before it', Uint8Array.of(0x10, 97, 2, 0, 0x10, 97)],
  ['whose match has the distance 0', Uint8Array.of(0x10, 97, 0, 0, 0x10, 97)],
  ['of lengths that do not end', new Uint8Array(1300).fill(255)],
  ['without a byte', new Uint8Array(0)],
])('a block %s ends the session', async (_, block) => {
  const victim = (await Victim.make()).take(OPEN).take(data(block));
  expect([victim.read, victim.closed]).toEqual(['', CloseError.FRAME_ENCODING]);
});

it.each<[string, number, Uint8Array]>([
  ['PING', FrameType.PING, new Uint8Array(16)],
  ['STREAM_OPEN', FrameType.STREAM_OPEN, new Uint8Array(8)],
  ['WINDOW_UPDATE', FrameType.WINDOW_UPDATE, new Uint8Array(8)],
  ['PAD', FrameType.PAD, BLOCK],
  ['CONTROL', FrameType.CONTROL, Uint8Array.of(1, 0)],
])('%s with CMP ends the session, and without it does not', async (_, type, payload) => {
  const plain = (await Victim.make()).take({ type, flags: 0, payload });
  expect(plain.closed).toBeUndefined();
  const packed = (await Victim.make()).take({ type, flags: CMP, payload });
  expect(packed.closed).toBe(CloseError.FRAME_ENCODING);
});

it('an extension may mean by it what it likes', async () => {
  const victim = await Victim.make();
  victim.take({ type: FrameType.EXTENSION_FIRST, flags: CMP, payload: BLOCK });
  expect(victim.closed).toBeUndefined();
});

it('in obfuscation Full, of which both know, no block is taken; else it is', async () => {
  const full = (await Victim.make(Compression.NONE)).take(OPEN).take(data(BLOCK));
  expect([full.read, full.closed]).toEqual(['', CloseError.FRAME_ENCODING]);
  const plain = (await Victim.make(Compression.NONE)).take(OPEN).take(data(BLOCK, 0));
  expect([plain.read.length, plain.closed]).toEqual([BLOCK.length, undefined]);
  const alone = (await Victim.make(Compression.RECEIVED)).take(OPEN).take(data(BLOCK));
  expect([alone.read, alone.closed]).toEqual(['abcdabcdabcdabcdxyz', undefined]);
});
