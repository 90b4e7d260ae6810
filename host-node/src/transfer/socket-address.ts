/** Addresses as node:dgram has them, and as far ends (far-end.ts) have them. */
import { checkText } from '@andvari/host-common/transfer/argument-checks';
import { FAR_END_BYTES, readFarEnd, writeFarEnd } from '@andvari/host-common/transfer/far-end';
import { ipBytes, ipText } from '../io/ip-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/** Addresses that are kept as text and bytes, so that packets of a session cost no conversion. */
const KNOWN_MAX = 4096;

/** 16 bytes, IPv4 mapped into IPv6. */
function mappedBytes(host: string): Uint8Array {
  checkText('host', host);
  const bytes = ipBytes(host);
  return bytes.length === 4 ? Uint8Array.of(...MAPPED, ...bytes) : bytes;
}

function mappedText(bytes: Uint8Array, ipv6Socket: boolean): string {
  const isMapped = MAPPED.every((byte, i) => bytes[i] === byte);
  if (!isMapped) return ipText(bytes);
  const dotted = ipText(bytes.subarray(MAPPED.length));
  return ipv6Socket ? `::ffff:${dotted}` : dotted;
}

/** @throws TypeError, RangeError: not an IP address and a port */
export function farEndOf({ host, port }: SocketAddress): Uint8Array {
  return writeFarEnd({ address: mappedBytes(host), port, handle: 0 });
}

/** `ipv6Socket`: where packets go out, IPv4 addresses are written as IPv6 ones. */
export function socketAddressOf(farEnd: Uint8Array, ipv6Socket: boolean): SocketAddress {
  const { address, port } = readFarEnd(farEnd);
  return { host: mappedText(address, ipv6Socket), port };
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
