/** Where a peer is reached, as an announcement says it (announcement.ts has the table). */
import { checkBytes, checkWhole } from '../transfer/argument-checks.ts';
import { joined } from '../transfer/byte-strings.ts';
import { parseRelayAddress } from '../transfer/relay/relay-address.ts';

export const ADDRESSES_MAX = 8;
/** With the rest of an announcement it has room in one, whatever the addresses are. */
export const RELAY_BYTES_MAX = 240;

const IPV4 = 4;
const IPV6 = 6;
const RELAY = 1;
const BYTES_OF: Readonly<Record<number, number>> = { [IPV4]: 4, [IPV6]: 16 };

/** An address where packets go, and no group of receivers. */
export interface PlaceAddress {
  /** 4 bytes of IPv4, 16 of IPv6. */
  address: Uint8Array;
  /** UDP, 1 to 65535. */
  port: number;
}

export interface Places {
  /** The likeliest first, 8 at most. */
  addresses: readonly PlaceAddress[];
  /** As parseRelayAddress() reads it. */
  relay?: string | undefined;
}

/** @throws TypeError, RangeError: no place, or more than there is room for */
export function placesBytes({ addresses, relay }: Places): Uint8Array {
  checkWhole('the number of addresses', addresses.length, relay ? 0 : 1, ADDRESSES_MAX);
  const each = addresses.map(addressBytes);
  if (relay !== undefined) each.push(relayBytes(relay));
  return joined(Uint8Array.of(each.length), ...each);
}

function addressBytes({ address, port }: PlaceAddress): Uint8Array {
  checkBytes('address', address);
  checkWhole('port', port, 1, 0xffff);
  const family = address.length === 4 ? IPV4 : IPV6;
  checkBytes('address', address, BYTES_OF[family]);
  if (!isOfOne(address)) throw new RangeError('address: wanted that of one host');
  return joined(Uint8Array.of(family, port >> 8, port & 0xff), address);
}

function relayBytes(relay: string): Uint8Array {
  parseRelayAddress(relay);
  const text = joined(relay);
  checkWhole('bytes of relay', text.length, 1, RELAY_BYTES_MAX);
  return joined(Uint8Array.of(RELAY, text.length >> 8, text.length & 0xff), text);
}

/** Of bytes that anybody may have made up. */
export class PlacesReader {
  /** Behind what was read. */
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Undefined: these are none. */
  read(): Places | undefined {
    const addresses: PlaceAddress[] = [];
    const [count = 0] = this.#take(1) ?? [];
    if (count < 1 || count > ADDRESSES_MAX + 1) return undefined;
    for (let i = 0; i < count; i++) {
      const [family = 0, high = 0, low = 0] = this.#take(3) ?? [];
      const number = high * 256 + low;
      if (family === RELAY) {
        const relay = i === count - 1 ? this.#relay(number) : undefined;
        return relay === undefined ? undefined : { addresses, relay };
      }
      const address = this.#take(BYTES_OF[family] ?? Number.POSITIVE_INFINITY);
      if (!address || number === 0 || !isOfOne(address)) return undefined;
      addresses.push({ address, port: number });
    }
    return addresses.length > ADDRESSES_MAX ? undefined : { addresses };
  }

  #relay(length: number): string | undefined {
    const bytes = length > RELAY_BYTES_MAX ? undefined : this.#take(length);
    try {
      const relay = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      parseRelayAddress(relay);
      return relay;
    } catch {
      return undefined;
    }
  }

  #take(count: number): Uint8Array | undefined {
    const end = this.at + count;
    if (end > this.#bytes.length) return undefined;
    const taken = this.#bytes.slice(this.at, end);
    this.at = end;
    return taken;
  }
}

/**
 * Is it the address of one host? Not of none or this one (0.0.0.0/8, ::), of a group, or of all; an
 * IPv4 address in IPv6 form is to be written as what it is.
 */
function isOfOne(address: Uint8Array): boolean {
  const [first = 0] = address;
  if (address.length === 4) return first !== 0 && first < 224;
  const isMapped = address.subarray(0, 10).every((byte) => byte === 0);
  const [high = 0, low = 0] = address.subarray(10, 12);
  if (isMapped && high === 0xff && low === 0xff) return false;
  return first !== 0xff && address.some((byte) => byte !== 0);
}
