/**
 * A peer that knows the session's keys and sends what it likes: frames of any type with payloads
 * that are nearly right, in any order. Whatever comes of the session, the engine must neither trap
 * nor answer without end, and nothing may be left when the session is gone.
 */
import type { Engine } from '../../host-common/src/engine/engine.ts';
import { Region } from '../../host-common/src/engine/generated/layout.ts';
import { TransferEventKind } from '../../host-common/src/engine/generated/transfer.ts';
import { EngineTransfer } from '../../host-common/src/transfer/engine-transfer.ts';
import { randomFrom } from '../seeded-random.ts';
import { type Machines, taken } from './machines.ts';
import { simulatedAddress } from './network.ts';

type Random = (below: number) => number;

interface Manner {
  random: Random;
  /** Frames of a thousand that are only nearly right. */
  wildness: number;
  /** The attacker's streams have odd numbers. */
  odd: boolean;
}

/** Packets that a session may answer a packet with, at the most, over all its time. */
const ANSWERS_PER_PACKET = 20;
const FRAME_TYPES = 15;
const SECOND_US = 1e6;

/** Numbers where limits are. */
const EDGES = [0n, 1n, 2n, 65535n, 65536n, 0xffffffffn, (1n << 62n) - 1n, 1n << 62n];

function numberOf(random: Random, wild: boolean): bigint {
  if (!wild) return BigInt(random(random(2) ? 200 : 100000));
  const edge = EDGES[random(EDGES.length)] ?? 0n;
  return (edge + BigInt(random(3))) & ((1n << 64n) - 1n);
}

/** Lengths of the payloads whose length is always the same, and of the heads of the others. */
const LENGTHS = [0, 0, 11, 2, 52, 16, 16, 6, 0, 8, 12, 12, 8, 10, 8, 8];

/** A payload that a frame of this type may have; a wild one is only nearly right. */
function payloadOf(type: number, random: Random, wild: boolean): Uint8Array {
  const open = type === 1 || type === 3 || type === 8 || type > 15;
  const more = open ? random(900) : type === 7 || type === 9 || type === 13 ? random(40) : 0;
  const length = wild && random(2) ? random(1000) : (LENGTHS[type] ?? 0) + more;
  const bytes = Uint8Array.from({ length }, () => 32 + random(64));
  const view = new DataView(bytes.buffer);
  const set64 = (at: number) => length >= at + 8 && view.setBigUint64(at, numberOf(random, wild));
  const set32 = (at: number, below: number) =>
    length >= at + 4 && view.setUint32(at, random(below));
  const set16 = (at: number, value: number) => length >= at + 2 && view.setUint16(at, value);
  if (type === 2) {
    set32(0, wild ? 4000 : 1);
    if (length >= 7) bytes[6] = wild ? random(256) : 0;
    set32(7, wild ? 4000 : 1);
  } else if (type === 3) {
    set16(0, random(8) ? 1 + random(5) : wild ? random(65536) : 0x100);
    set32(2, 100);
  } else if (type === 4) set32(32, wild ? 4 : 2);
  else if (type === 7) set16(4, more);
  else if (type === 9 && length >= 8) {
    bytes[0] = random(wild ? 3 : 2);
    set16(6, more);
  } else if (type === 10 || type === 11) {
    set32(0, 4);
    set64(4);
  } else if (type === 12) set64(0);
  else if (type === 13) {
    set32(0, 16);
    set16(8, more);
  }
  return bytes;
}

/** A stream of the attacker's own; of the victim's for what only its sender or reader may say. */
function streamOf(type: number, random: Random, odd: boolean): number {
  if (type === 12 && random(3) === 0) return 0;
  const plain = 2 * random(8) + (odd ? 1 : 2);
  return plain + (random(6) ? 0 : 0x8000);
}

/** Writes a frame at `at`; gives the bytes of the packet around it. */
function writeFrame(engine: Engine, at: number, { random, wildness, odd }: Manner): number {
  const wild = random(1000) < wildness;
  let type = 1 + random(FRAME_TYPES);
  // These would end most sessions before much has happened.
  if ((type === 7 || type === 13) && random(100)) type = 1;
  if ((type === 2 || type === 10 || type === 11) && random(20)) type = 9;
  if (wild && random(4) === 0) type = random(256);
  const payload = payloadOf(type, random, wild);
  const bytes = new Uint8Array(28 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(8, type);
  const flags = type === 4 ? [1, 5] : type === 10 ? [0, 2] : [0];
  view.setUint8(9, wild && random(2) ? random(256) : (flags[random(flags.length)] ?? 0));
  view.setUint16(10, wild && random(2) ? random(65536) : streamOf(type, random, odd));
  view.setBigUint64(16, type === 2 && !wild ? 0n : numberOf(random, wild));
  view.setUint16(24, wild && random(4) === 0 ? random(65536) : payload.length);
  bytes.set(payload, 28);
  engine.u8.set(bytes, at + 8);
  return 24 + bytes.length + (random(4) ? 0 : random(60));
}

export interface HostileOutcome {
  seed: number;
  failure: string | undefined;
  closed: number | undefined;
  /** Packets that came before the session was closed, and batches that answered. */
  taken: number;
  answers: number;
}

/** One session of a seed, to which `packets` packets come. */
export function runHostile(machines: Machines, seed: number, packets: number): HostileOutcome {
  const random = randomFrom(seed);
  const [victim, attacker] = machines.engines;
  let nowUs = machines.startUs;
  const transfer = new EngineTransfer(victim, () => nowUs);
  const bytes = (length: number) => Uint8Array.from({ length }, () => random(256));
  const [k1, k2, handshakeHash] = [bytes(32), bytes(32), bytes(32)];
  const path = simulatedAddress(1, 1);
  const initiator = random(2) === 0;
  const headerProtection = random(2) === 0;
  const session = transfer.open({
    k1,
    k2,
    handshakeHash,
    initiator,
    peerMaxStreams: 8,
    peerWindowKiB: 64,
    maxStreams: 8,
    windowKiB: 64,
    headerProtection,
    mtuMax: 1472,
    secret: bytes(32),
    path,
  });
  const area = attacker.region(Region.LARGE_FRAMES);
  attacker.u8.set(new Uint8Array([...k1, ...k2, ...handshakeHash]), area);
  const forger = attacker.exports.packetsStart(area, initiator ? 0 : 1, headerProtection ? 1 : 0);
  const outcome: HostileOutcome = {
    seed,
    failure: undefined,
    closed: undefined,
    taken: 0,
    answers: 0,
  };
  if (session === undefined || forger === 0) return { ...outcome, failure: 'no room' };
  const wildness = [0, 0, 3, 50][random(4)] ?? 0;
  let gone = false;
  const streams: number[] = [];
  const drain = () =>
    transfer.drain((event) => {
      if (event.kind === TransferEventKind.CLOSED) outcome.closed = event.code;
      if (event.kind === TransferEventKind.SESSION_GONE) gone = true;
      if (event.kind === TransferEventKind.STREAM_OPENED) {
        streams.push(event.stream);
        transfer.streams.accepted(session);
      }
      if (event.kind === TransferEventKind.REKEY_KEY) transfer.rekeyKey(session, bytes(32));
      if (event.kind === TransferEventKind.REKEY_SECRET) transfer.rekeySecret(session, bytes(32));
    });
  const pump = () => {
    transfer.step();
    drain();
    for (let batches = 0; transfer.send() > 0; batches++) {
      outcome.answers++;
      if (batches > 100) throw new Error('the engine sends without end');
    }
    drain();
  };
  try {
    for (let i = 0; i < packets && !gone; i++) {
      const total = writeFrame(attacker, area, { random, wildness, odd: !initiator });
      const sealed = attacker.exports.packetsSeal(forger, area, total);
      if (sealed) {
        const from = random(20) ? path : simulatedAddress(1, 1 + random(4));
        const packet = attacker.u8.slice(area, area + sealed);
        if (random(10) === 0) packet[random(sealed)] = random(256);
        transfer.putReceived(packet, from);
        transfer.receive();
        if (outcome.closed === undefined) outcome.taken++;
      }
      nowUs += random(3) ? random(2000) : random(100000);
      pump();
      act(transfer, session, streams, random);
    }
    for (let wakes = 0; !gone; wakes++) {
      const wakeUs = transfer.wakeUs();
      if (wakes > 20000 || wakeUs === Number.POSITIVE_INFINITY) throw new Error('it never ends');
      nowUs = Math.max(nowUs + 1, wakeUs);
      pump();
    }
    if (outcome.answers > ANSWERS_PER_PACKET * packets + 1000) outcome.failure = 'too many answers';
    const counts = taken(victim);
    if (counts.some((count) => count !== 0)) outcome.failure = `entries are kept: ${counts}`;
  } catch (error) {
    outcome.failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  attacker.exports.packetsEnd(forger);
  machines.startUs = Math.ceil(nowUs / SECOND_US + 100) * SECOND_US;
  return outcome;
}

/** What the victim's host does meanwhile. */
function act(transfer: EngineTransfer, session: number, streams: number[], random: Random): void {
  const stream = streams[random(Math.max(1, streams.length))] ?? 0;
  switch (random(30)) {
    case 0:
      transfer.ping(session);
      return;
    case 1:
      transfer.control(session, 0x100, new Uint8Array(random(1000)));
      return;
    case 2: {
      const opened = transfer.streams.open(session, { bidi: random(2) === 0 });
      if (opened !== undefined) streams.push(opened);
      return;
    }
    case 3:
    case 4:
      transfer.streams.write(stream, random(30000), new Uint8Array(random(20000)));
      return;
    case 5:
      transfer.streams.finish(stream);
      return;
    case 6:
      transfer.streams.reset(stream, random(5));
      return;
    case 7:
      transfer.streams.stop(stream);
      return;
    case 8:
      transfer.rekey(session);
      return;
    case 9:
      transfer.streams.setUnordered(stream);
      return;
    case 10:
      transfer.migrate(session, simulatedAddress(random(3), 5));
      return;
    default:
      transfer.streams.read(stream, () => undefined);
  }
}
