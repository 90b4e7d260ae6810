/** Frames of a relay: as bytes and back, cut anywhere, and what is none. */

import { RelayFrameReader } from '@andvari/host-common/transfer/relay/frame-reader';
import {
  emitRelayFrame,
  emitRelayPacket,
  parseRelayFrame,
  RELAY_FRAME_BYTES_MAX,
  RELAY_HEAD_BYTES,
  RELAY_PACKET_BYTES_MAX,
  RelayCommand,
  type RelayFrame,
  RelayFrameError,
  relayPacketOf,
} from '@andvari/host-common/transfer/relay/frames';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../engine/vector-state.ts';
import { randomFrom, seedOfRun } from '../../seeded-random.ts';

const key = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 + i);
const packet = Uint8Array.from({ length: 60 }, (_, i) => i);
const bytesOf = (length: number) => new Uint8Array(length).fill(7);
const { SEND, RECV, SUBSCRIBE, KEEPALIVE, PEER_GONE, PING, PONG, NOT_HERE } = RelayCommand;

/** One of each kind. */
const frames: readonly Uint8Array[] = [
  emitRelayPacket(SEND, { key, hops: 0, packet }),
  emitRelayPacket(RECV, { key, hops: 3, packet }),
  emitRelayFrame(SUBSCRIBE, undefined, bytesOf(32)),
  emitRelayFrame(SUBSCRIBE, key, bytesOf(64)),
  emitRelayFrame(SUBSCRIBE, key),
  emitRelayFrame(KEEPALIVE),
  emitRelayFrame(PEER_GONE, key),
  emitRelayFrame(PING, undefined, bytesOf(8)),
  emitRelayFrame(PONG, undefined, bytesOf(8)),
  emitRelayFrame(NOT_HERE, key),
];

/** The same frame with some bytes replaced. */
function changed(frame: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy.set(bytes, at);
  return copy;
}

function readAll(pieces: readonly Uint8Array[]): RelayFrame[] {
  const reader = new RelayFrameReader();
  const taken: RelayFrame[] = [];
  for (const piece of pieces) reader.feed(piece, (frame) => void taken.push(frame));
  expect(reader.isWithin).toBe(false);
  return taken;
}

function joinedOf(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Pieces of random lengths, empty ones among them. */
function piecesOf(bytes: Uint8Array, random: (below: number) => number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = random(4) === 0 ? random(3) : random(200);
    pieces.push(bytes.slice(at, at + length));
    at += length;
  }
  return pieces;
}

function randomFrame(random: (below: number) => number): Uint8Array {
  const bytes = (length: number) => new Uint8Array(length).map(() => random(256));
  const peer = bytes(32);
  peer[random(32)] = 1 + random(255);
  const kind = random(frames.length);
  const head = frames[kind] as Uint8Array;
  const [, command = 0] = head;
  if (command !== SEND && command !== RECV) {
    const hasKey = head.subarray(2, 34).some((byte) => byte !== 0);
    const payload = bytes(head.length - RELAY_HEAD_BYTES);
    return emitRelayFrame(command as 3, hasKey ? peer : undefined, payload);
  }
  const most = random(8) === 0 ? RELAY_PACKET_BYTES_MAX : 2000;
  const length = 8 + random(most - 7);
  return emitRelayPacket(command, { key: peer, hops: random(4), packet: bytes(length) });
}

describe('a frame of a relay', () => {
  it('lies in its bytes as section 8 has it', () => {
    const hex = `0101${toHex(key)}003d02${toHex(packet)}`;
    expect(toHex(emitRelayPacket(SEND, { key, hops: 2, packet }))).toBe(hex);
    const frame = parseRelayFrame(fromHex(hex));
    expect(frame.command).toBe(SEND);
    expect(relayPacketOf(frame)).toEqual({ key, hops: 2, packet });
    expect(toHex(emitRelayFrame(KEEPALIVE))).toBe(`0104${'00'.repeat(34)}`);
    expect(toHex(emitRelayFrame(PING, undefined, bytesOf(8)))).toBe(
      `0106${'00'.repeat(32)}0008${'07'.repeat(8)}`,
    );
  });

  it('comes back as it was, each kind', () => {
    for (const bytes of frames) {
      const frame = parseRelayFrame(bytes);
      const again =
        frame.command === SEND || frame.command === RECV
          ? emitRelayPacket(frame.command, relayPacketOf(frame))
          : emitRelayFrame(frame.command, frame.key, frame.payload);
      expect(toHex(again)).toBe(toHex(bytes));
    }
  });

  it('is none when it is cut anywhere, or has a byte more', () => {
    for (const bytes of frames) {
      for (let length = 0; length < bytes.length; length++) {
        expect(() => parseRelayFrame(bytes.subarray(0, length)), `${length}`).toThrow(
          RelayFrameError,
        );
      }
      expect(() => parseRelayFrame(joinedOf([bytes, bytesOf(1)]))).toThrow(RelayFrameError);
    }
  });

  const [send, recv, challenge, signed, subscribed, keepalive, gone, ping, pong, absent] =
    frames as [Uint8Array, ...Uint8Array[]];
  it.each([
    ['of another version', changed(send, 0, 2)],
    ['of version 0', changed(send, 0, 0)],
    ['with command 0', changed(send, 1, 0)],
    ['with command 9', changed(send, 1, 9)],
    ['with command 255', changed(send, 1, 255)],
    ['SEND to nobody', changed(send, 2, ...new Uint8Array(32))],
    ['RECV from nobody', changed(recv as Uint8Array, 2, ...new Uint8Array(32))],
    ['with more hops than 3', changed(send, 36, 4)],
    ['RECV with more hops than 3', changed(recv as Uint8Array, 36, 255)],
    ['with a packet of 7 bytes', changed(send.subarray(0, 44), 34, 0, 8)],
    ['a question to somebody', changed(challenge as Uint8Array, 5, 1)],
    ['an answer of nobody', changed(signed as Uint8Array, 2, ...new Uint8Array(32))],
    ['an agreement with nobody', changed(subscribed as Uint8Array, 2, ...new Uint8Array(32))],
    ['a SUBSCRIBE of 63 bytes', changed((signed as Uint8Array).subarray(0, 99), 34, 0, 63)],
    ['KEEPALIVE about somebody', changed(keepalive as Uint8Array, 33, 1)],
    [
      'KEEPALIVE with a payload',
      joinedOf([changed(keepalive as Uint8Array, 34, 0, 1), bytesOf(1)]),
    ],
    ['PEER_GONE about nobody', changed(gone as Uint8Array, 2, ...new Uint8Array(32))],
    ['PING about somebody', changed(ping as Uint8Array, 2, 1)],
    ['PING of 7 bytes', changed((ping as Uint8Array).subarray(0, 43), 34, 0, 7)],
    ['PONG without a payload', changed((pong as Uint8Array).subarray(0, 36), 34, 0, 0)],
    ['NOT_HERE about nobody', changed(absent as Uint8Array, 2, ...new Uint8Array(32))],
    ['longer than 64 KiB', changed(bytesOf(65_537), 0, 1, 1, ...key, 0xff, 0xdd, 0)],
  ])('is none: %s', (_, bytes) => {
    expect(() => parseRelayFrame(bytes)).toThrow(RelayFrameError);
    const reader = new RelayFrameReader();
    expect(() => reader.feed(bytes, () => {})).toThrow(RelayFrameError);
  });

  it('holds packets of 8 bytes up to what makes 64 KiB of all', () => {
    for (const length of [8, RELAY_PACKET_BYTES_MAX]) {
      const bytes = emitRelayPacket(SEND, { key, hops: 0, packet: bytesOf(length) });
      expect(relayPacketOf(parseRelayFrame(bytes)).packet).toEqual(bytesOf(length));
      expect(bytes.length).toBeLessThanOrEqual(RELAY_FRAME_BYTES_MAX);
    }
    for (const length of [0, 7, RELAY_PACKET_BYTES_MAX + 1]) {
      const emit = () => emitRelayPacket(SEND, { key, hops: 0, packet: bytesOf(length) });
      expect(emit, `${length}`).toThrow(RangeError);
    }
  });

  it.each<[string, () => unknown, unknown]>([
    ['a short key', () => emitRelayFrame(NOT_HERE, key.subarray(1)), RangeError],
    ['a key that is no bytes', () => emitRelayFrame(NOT_HERE, 'key' as never), TypeError],
    ['a PING with a key', () => emitRelayFrame(PING, key, bytesOf(8)), RangeError],
    ['a payload of another length', () => emitRelayFrame(PING, undefined, bytesOf(9)), RangeError],
    ['a payload that fits no frame', () => emitRelayFrame(PING, key, bytesOf(70_000)), RangeError],
    ['no such command', () => emitRelayFrame(9 as never, key), RangeError],
    ['four hops', () => emitRelayPacket(SEND, { key, hops: 4, packet }), RangeError],
    ['half a hop', () => emitRelayPacket(SEND, { key, hops: 0.5, packet }), RangeError],
    ['no packet', () => emitRelayPacket(SEND, { key, hops: 0, packet: [] as never }), TypeError],
  ])('is not made with %s', (_, emit, kind) => {
    expect(emit).toThrow(kind as typeof RangeError);
  });
});

describe('a stream of frames', () => {
  it('is read whatever pieces it comes in', () => {
    const seed = seedOfRun();
    console.log(`frames of a relay: seed ${seed}`);
    const random = randomFrom(seed);
    for (let round = 0; round < 40; round++) {
      const sent = Array.from({ length: 1 + random(12) }, () => randomFrame(random));
      const expected = sent.map((bytes) => parseRelayFrame(bytes));
      expect(readAll(piecesOf(joinedOf(sent), random))).toEqual(expected);
    }
    const all = joinedOf(frames);
    const expected = frames.map((bytes) => parseRelayFrame(bytes));
    expect(readAll([...all].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
    expect(readAll([all])).toEqual(expected);
  });

  it('is told to be within a frame wherever it is cut', () => {
    for (const bytes of frames) {
      for (let length = 1; length < bytes.length; length++) {
        const reader = new RelayFrameReader();
        reader.feed(bytes.subarray(0, length), () => expect.unreachable());
        expect(reader.isWithin).toBe(true);
        const rest: RelayFrame[] = [];
        reader.feed(bytes.subarray(length), (frame) => void rest.push(frame));
        expect(rest).toEqual([parseRelayFrame(bytes)]);
      }
    }
  });

  it('keeps no views of what it was given', () => {
    const given = Uint8Array.from(frames[0] as Uint8Array);
    const [frame] = readAll([given]);
    given.fill(0xa5);
    expect(frame).toEqual(parseRelayFrame(frames[0] as Uint8Array));
  });

  it('ends at the first byte that no frame has, and for good', () => {
    for (const wrong of [
      Uint8Array.of(2),
      Uint8Array.of(1, 9),
      changed(frames[5] as Uint8Array, 9, 1),
    ]) {
      const reader = new RelayFrameReader();
      const taken: RelayFrame[] = [];
      const take = (frame: RelayFrame) => void taken.push(frame);
      expect(() => reader.feed(joinedOf([frames[9] as Uint8Array, wrong]), take)).toThrow(
        RelayFrameError,
      );
      expect(taken).toEqual([parseRelayFrame(frames[9] as Uint8Array)]);
      expect(() => reader.feed(frames[9] as Uint8Array, take)).toThrow(RelayFrameError);
      expect(taken).toHaveLength(1);
    }
  });

  it('goes on behind a frame whose taker throws', () => {
    const reader = new RelayFrameReader();
    const fault = new Error('the taker');
    const feed = () =>
      reader.feed(frames[5] as Uint8Array, () => {
        throw fault;
      });
    expect(feed).toThrow(fault);
    expect(feed).toThrow(fault);
  });
});
