/** Addresses as node:dgram has them, and as far ends (far-end.ts) have them. */

import { isIPv4, isIPv6 } from 'node:net';
import { checkText } from '@andvari/host-common/transfer/argument-checks';
import { FAR_END_BYTES, readFarEnd, writeFarEnd } from '@andvari/host-common/transfer/far-end';
import type { SocketAddress } from '../io/packet-io.ts';

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/** Addresses that are kept as text and bytes, so that packets of a session cost no conversion. */
const KNOWN_MAX = 4096;

/** 16 bytes of an address as text; a zone (`%eth0`) is not looked at. */
function addressBytes(host: string): Uint8Array {
  checkText('host', host);
  const plain = host.replace(/%.*$/, '');
  if (isIPv4(plain)) return Uint8Array.of(...MAPPED, ...plain.split('.').map(Number));
  if (!isIPv6(plain)) throw new RangeError(`not an IP address: ${host}`);
  // The last two groups may be written as IPv4.
  const text = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part ? part.split(':') : []);
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return Uint8Array.from(
    all.flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 255];
    }),
  );
}

function addressText(bytes: Uint8Array, ipv6Socket: boolean): string {
  const isMapped = MAPPED.every((byte, i) => bytes[i] === byte);
  if (isMapped) {
    const dotted = bytes.subarray(12).join('.');
    return ipv6Socket ? `::ffff:${dotted}` : dotted;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(':');
}

/** @throws TypeError, RangeError: not an IP address and a port */
export function farEndOf({ host, port }: SocketAddress): Uint8Array {
  return writeFarEnd({ address: addressBytes(host), port, handle: 0 });
}

/** `ipv6Socket`: where packets go out, IPv4 addresses are written as IPv6 ones. */
export function socketAddressOf(farEnd: Uint8Array, ipv6Socket: boolean): SocketAddress {
  const { address, port } = readFarEnd(farEnd);
  return { host: addressText(address, ipv6Socket), port };
}

/** The last addresses in both forms; the oldest gives way. */
export class KnownAddresses {
  private readonly ipv6Socket: boolean;
  private readonly byText = new Map<string, Uint8Array>();
  private readonly byBytes = new Map<string, SocketAddress>();

  constructor(ipv6Socket: boolean) {
    this.ipv6Socket = ipv6Socket;
  }

  farEnd(host: string, port: number): Uint8Array {
    return remembered(this.byText, `${host} ${port}`, () => farEndOf({ host, port }));
  }

  socketAddress(farEnd: Uint8Array): SocketAddress {
    const name = Buffer.from(farEnd.buffer, farEnd.byteOffset, FAR_END_BYTES).toString('latin1');
    return remembered(this.byBytes, name, () => socketAddressOf(farEnd, this.ipv6Socket));
  }
}

function remembered<Value>(map: Map<string, Value>, name: string, make: () => Value): Value {
  const known = map.get(name);
  if (known) return known;
  for (const oldest of map.keys()) {
    if (map.size < KNOWN_MAX) break;
    map.delete(oldest);
  }
  const value = make();
  map.set(name, value);
  return value;
}
