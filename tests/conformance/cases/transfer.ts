/** Cases of transfer: the packets of profile R1, blocks of LZ4, a simulated transfer. */
import profile from '../../vectors/transfer_profile_r1.json' with { type: 'json' };
import { bytesOf, type Case, hexOf, hexOfNumber, hexOfText } from '../case.ts';
import { RECORDED_RUNS } from './pinned-runs.ts';
import { numbered } from './primitives.ts';

/** Packets that its own side has sealed before, in the protected part of the vectors. */
const BEFORE = { i2r: 7, r2i: 301 };

/** Ours pads with zeros, the vectors with random bytes: only a full frame has one packet. */
function isFull(frame: string): boolean {
  const bytes = bytesOf(frame);
  return bytes.length === 28 + new DataView(bytes.buffer).getUint16(24);
}

interface Sealing {
  direction: string;
  frame: string;
  packet: string;
}

function sealing(keys: object, item: Sealing, before: number) {
  const { direction, frame, packet } = item;
  const initiator = direction === 'i2r' ? '01' : '00';
  const length = hexOfNumber(packet.length / 2, 4);
  const input = { ...keys, initiator, before: hexOfNumber(before, 4), frame, length };
  return isFull(frame) ? { input, expected: { output: packet } } : { input };
}

function opening(keys: object, { direction, frame, packet }: Sealing) {
  const initiator = direction === 'i2r' ? '00' : '01';
  return { input: { ...keys, initiator, packet }, expected: { output: frame } };
}

export function transferCases(): Case[] {
  const plain = profile.cases.flatMap(({ noise, packets }) => {
    const keys = { keys: noise.k1 + noise.k2 + noise.h, protected: '00' };
    return packets.map((packet) => ({ keys, packet }));
  });
  const damaged = plain.map(({ keys, packet }) => {
    const bytes = bytesOf(packet.packet);
    bytes[9] = (bytes[9] ?? 0) ^ 1;
    const { input } = opening(keys, { ...packet, packet: hexOf(bytes) });
    return { input, expected: { verdict: 'unclaimed' } };
  });
  const later = profile.cases.flatMap((item) => {
    if (!item.extras) return [];
    const keys = { keys: item.noise.k1 + item.noise.k2 + item.noise.h, protected: '01' };
    const moved = { ...item.extras.path_packet, direction: 'i2r' };
    return [{ keys, rekey: item.rekey.dh, moved, packets: item.extras.rekey_packets }];
  });
  const rekeyed = later.flatMap(({ keys, rekey, packets }) =>
    packets
      .filter(({ epoch }) => epoch === 1)
      .map((packet) => ({ keys: { ...keys, rekey }, packet })),
  );
  const old = later.flatMap(({ keys, packets }) =>
    packets.filter(({ epoch }) => epoch === 0).map((packet) => ({ keys, packet })),
  );
  const open = 'transfer.open-packet';
  const seal = 'transfer.seal-packet';
  const first = plain.map(({ keys, packet }) => sealing(keys, packet, packet.packet_number));
  const last = old.map(({ keys, packet }) => {
    return sealing(keys, packet, BEFORE[packet.direction === 'i2r' ? 'i2r' : 'r2i']);
  });
  return [
    ...numbered(
      'Profile R1, packets',
      open,
      plain.map(({ keys, packet }) => opening(keys, packet)),
    ),
    ...numbered('Profile R1, damaged packets', open, damaged),
    ...numbered('Profile R1, packets', seal, first),
    ...numbered(
      'Profile R1, paths',
      open,
      later.map(({ keys, moved }) => opening(keys, moved)),
    ),
    ...numbered('Profile R1, header protection', seal, last),
    ...numbered(
      'Profile R1, rekey',
      open,
      rekeyed.map((one) => opening(one.keys, one.packet)),
    ),
    ...numbered(
      'Profile R1, rekey',
      seal,
      rekeyed.map((one) => sealing(one.keys, one.packet, 0)),
    ),
    ...lz4Cases(),
    ...[1, 2, 3].map((seed): Case => {
      const input = { seed: hexOfNumber(seed, 4) };
      const name = 'transfer.simulation';
      return { id: `${name}/${seed}`, section: RECORDED_RUNS, function: name, input };
    }),
  ];
}

function lz4Cases(): Case[] {
  const texts = Array.from({ length: 24 }, (_, n) =>
    'the packet that carries what the packet before it carried, '.slice(n % 9).repeat(n),
  );
  const packed = texts.map((text, n) => {
    return { input: { bytes: hexOfText(text), room: hexOfNumber(64 + 45 * n, 4) } };
  });
  // Literals alone; a match of one byte that repeats; and none at all.
  const blocks: [string, string | undefined][] = [
    ['50' + '6162636465', '6162636465'],
    ['1f' + '61' + '0100' + '00' + '50' + '6263646566', `${'61'.repeat(20)}6263646566`],
    ['1f' + '61' + '0200' + '00' + '50' + '6263646566', undefined],
    ['f0', undefined],
  ];
  const unpacked = blocks.map(([block, output]) => {
    return { input: { block }, expected: output ? { output } : { verdict: 'none' } };
  });
  return [
    ...numbered('LZ4 block format', 'transfer.lz4-unpack', unpacked),
    ...numbered('LZ4 block format', 'transfer.lz4-pack', packed),
  ];
}
