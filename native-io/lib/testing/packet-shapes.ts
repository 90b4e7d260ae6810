/** Ethernet frames for tests, written apart from the addon's own code. */

export const SERVER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 1);
export const CLIENT_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 2);

export interface FrameShape {
  to?: Uint8Array;
  from?: Uint8Array;
  /** Dotted IPv4 addresses, or IPv6 addresses of eight groups. */
  fromIp: string;
  toIp: string;
  fromPort?: number;
  toPort?: number;
  payload?: Uint8Array;
  protocol?: number;
}

function ipBytes(text: string): number[] {
  if (!text.includes(':')) return text.split('.').map(Number);
  const [left = '', right = ''] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const before = groups(left);
  const after = text.includes('::') ? groups(right) : [];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

export function ipOf(text: string): Uint8Array {
  return Uint8Array.from(ipBytes(text));
}

const u16 = (value: number) => [(value >> 8) & 0xff, value & 0xff];

/** The Internet checksum, by its definition: the sum of 16-bit words, carried around, inverted. */
export function checksumU16BE(bytes: Iterable<number>): number {
  const all = [...bytes];
  if (all.length % 2) all.push(0);
  let sum = 0;
  for (let i = 0; i < all.length; i += 2) sum += (all[i]! << 8) | all[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** An UDP packet with right lengths and checksums. */
export function udpFrame(shape: FrameShape): Uint8Array {
  const { to = SERVER_MAC, from = CLIENT_MAC, payload = Uint8Array.of(1, 2, 3, 4) } = shape;
  const { fromPort = 40000, toPort = 25000, protocol = 17 } = shape;
  const v6 = shape.toIp.includes(':');
  const source = ipBytes(shape.fromIp);
  const destination = ipBytes(shape.toIp);
  const length = 8 + payload.length;
  const udp = [...u16(fromPort), ...u16(toPort), ...u16(length), 0, 0, ...payload];
  const pseudo = [...source, ...destination, ...u16(length), 0, protocol];
  udp.splice(6, 2, ...u16(checksumU16BE([...pseudo, ...udp]) || 0xffff));
  if (v6) {
    const ip = [0x60, 0, 0, 0, ...u16(length), protocol, 64, ...source, ...destination];
    return Uint8Array.from([...to, ...from, 0x86, 0xdd, ...ip, ...udp]);
  }
  const fixed = [0x45, 0, ...u16(20 + length), 0x12, 0x34, 0, 0, 64, protocol, 0, 0];
  const ip = [...fixed, ...source, ...destination];
  ip.splice(10, 2, ...u16(checksumU16BE(ip)));
  return Uint8Array.from([...to, ...from, 8, 0, ...ip, ...udp]);
}

/** A copy of a frame with other bytes at `offset`. */
export function patched(frame: Uint8Array, offset: number, ...bytes: number[]): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy.set(bytes, offset);
  return copy;
}

/** Where UDP begins, by the family that the frame says; its pseudo header, by what stands there. */
function udpOf(frame: Uint8Array): { start: number; length: number; pseudo: number[] } {
  const v6 = frame[12] === 0x86;
  const start = v6 ? 54 : 34;
  const length = (frame[start + 4]! << 8) | frame[start + 5]!;
  const addresses = v6 ? frame.subarray(22, 54) : frame.subarray(26, 34);
  return { start, length, pseudo: [...addresses, ...u16(length), 0, 17] };
}

/** A copy whose checksums are right again, of whatever else the headers say. */
export function resummed(frame: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(frame);
  if (copy[12] !== 0x86) {
    copy.set([0, 0], 24);
    copy.set(u16(checksumU16BE(copy.subarray(14, 34))), 24);
  }
  const { start, length, pseudo } = udpOf(copy);
  copy.set([0, 0], start + 6);
  const sum = checksumU16BE([...pseudo, ...copy.subarray(start, start + length)]);
  copy.set(u16(sum || 0xffff), start + 6);
  return copy;
}

/** A copy as a sender leaves it whose device is to do the sum: the pseudo header's alone. */
export function offloaded(frame: Uint8Array): Uint8Array {
  const { start, pseudo } = udpOf(frame);
  return patched(frame, start + 6, ...u16(~checksumU16BE(pseudo)));
}

/** Numbers below a bound, the same for the same seed. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
