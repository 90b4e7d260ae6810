/** IP addresses as bytes, big-endian: 4 of IPv4, 16 of IPv6. */
import { isIPv4, isIPv6 } from 'node:net';

/** A zone (`%eth0`) is not looked at. @throws RangeError: it is no IP address */
export function ipBytes(host: string): Uint8Array {
  const plain = host.replace(/%.*$/, '');
  if (isIPv4(plain)) return Uint8Array.from(plain.split('.').map(Number));
  if (!isIPv6(plain)) throw new RangeError(`not an IP address: ${host}`);
  const [left = '', right] = canonical(plain).split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const zeros = 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...Array<string>(zeros).fill('0'), ...groups(right)];
  return Uint8Array.from(
    all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}

/** 4 bytes as `a.b.c.d`, 16 in the canonical form of RFC 5952. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
  return canonical(groups.join(':'));
}

/** As the URL parser writes it: shortest, and in hexadecimal where it was written as IPv4. */
function canonical(ipv6: string): string {
  return new URL(`http://[${ipv6}]`).hostname.slice(1, -1);
}
