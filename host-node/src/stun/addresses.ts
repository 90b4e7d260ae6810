/** Addresses in STUN messages (RFC 8489 sections 14.1 and 14.2). */
import { ipBytes, ipText } from '../io/ip-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { MAGIC_COOKIE, TRANSACTION_ID_BYTES, viewOf } from './message.ts';

const IPV4 = 1;
const IPV6 = 2;

/**
 * family 2 · port 2 · address 4 or 16, big-endian
 * @param transactionId of XOR-MAPPED-ADDRESS, whose bits NATs that look for addresses do not find
 */
export function addressValue(
  { host, port }: SocketAddress,
  transactionId?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const address = ipBytes(host);
  const value = new Uint8Array(4 + address.length);
  viewOf(value).setUint16(0, address.length === 4 ? IPV4 : IPV6);
  viewOf(value).setUint16(2, port);
  value.set(address, 4);
  if (transactionId) mask(value, transactionId);
  return value;
}

/** Undefined: it is no address. @param transactionId as for `addressValue` */
export function readAddress(
  value: Uint8Array,
  transactionId?: Uint8Array,
): SocketAddress | undefined {
  const isIpv4 = value[1] === IPV4 && value.length === 8;
  const isIpv6 = value[1] === IPV6 && value.length === 20;
  if (!isIpv4 && !isIpv6) return undefined;
  const plain = Uint8Array.from(value);
  if (transactionId) mask(plain, transactionId);
  return { host: ipText(plain.subarray(4)), port: viewOf(plain).getUint16(2) };
}

/** Port and address, with the magic cookie and, of IPv6, the transaction id behind it. */
function mask(value: Uint8Array, transactionId: Uint8Array): void {
  const key = new Uint8Array(4 + TRANSACTION_ID_BYTES);
  viewOf(key).setUint32(0, MAGIC_COOKIE);
  key.set(transactionId, 4);
  for (let i = 0; i < 2; i++) value[2 + i] = (value[2 + i] as number) ^ (key[i] as number);
  for (let i = 4; i < value.length; i++) value[i] = (value[i] as number) ^ (key[i - 4] as number);
}
