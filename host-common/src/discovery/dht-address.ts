/** Addresses of nodes of the DHT: multiaddrs. */

const IPV4 = /^\/ip4\/(\d{1,3})\.(\d{1,3})\./;
const IPV6 = /^\/ip6\/([0-9a-f:.]+)/i;

/**
 * Is it of a private network, of this machine, or of one link (RFC 1918, 4193, 6598, 3927)? A name
 * is not.
 */
export function isPrivateAddress(address: string): boolean {
  const [, first, second] = (IPV4.exec(address) ?? []).map(Number);
  if (first !== undefined && second !== undefined) return isPrivateIpv4(first, second);
  const six = IPV6.exec(address)?.[1]?.toLowerCase();
  if (six === undefined) return false;
  return /^(fe[89ab]|f[cd])|^::(1$|$|ffff:)/.test(six);
}

function isPrivateIpv4(first: number, second: number): boolean {
  if (first === 0 || first === 10 || first === 127) return true;
  if (first === 100) return second >= 64 && second < 128;
  if (first === 169) return second === 254;
  if (first === 172) return second >= 16 && second < 32;
  return first === 192 && second === 168;
}
