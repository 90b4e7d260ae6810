/**
 * How a NAT maps and filters (RFC 5780 section 4): by answers of one server from four places.
 */

import { equalBytes } from '@andvari/host-common/transfer/byte-strings';
import { ipBytes } from '../io/ip-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { isLoopback } from '../raida/origin.ts';
import { farEndOf } from '../transfer/socket-address.ts';
import type { AskOptions, StunClient } from './stun-client.ts';
import { StunError } from './stun-error.ts';

/**
 * Of mapping: for which far ends one outer address stands. Of filtering: who may send to it once
 * something has gone out: anybody, that host, or that host and port.
 */
export type NatBehaviour =
  | 'endpoint-independent'
  | 'address-dependent'
  | 'address-and-port-dependent';

export interface NatReport {
  mapped: SocketAddress;
  /** Our own address is another: there is a NAT. Undefined: our own is a wildcard. */
  isTranslated: boolean | undefined;
  /** Undefined: the server has one address only, or did not answer from the others. */
  mapping: NatBehaviour | undefined;
  filtering: NatBehaviour | undefined;
  roundTripMs: number;
}

/** What a filter swallows is not waited for as long as a first answer: 0.5, 1 and 2 s. */
const FILTERED = { tries: 3, lastWaits: 4 } as const;

/**
 * Some four requests and, behind a filter, 4 seconds.
 * @param local the socket's own address, if it is bound to one; a wildcard says nothing
 * @throws StunError, if the server does not answer at all; the reason of an abort
 */
export async function examineNat(
  client: StunClient,
  server: SocketAddress,
  local: SocketAddress | undefined,
  options: AskOptions = {},
): Promise<NatReport> {
  const first = await client.ask(server, options);
  const { mapped, roundTripMs } = first;
  const isTranslated = local && !isSame(mapped, local);
  const other = first.other && isOther(first.other, server) ? first.other : undefined;
  if (!other) {
    return { mapped, isTranslated, mapping: undefined, filtering: undefined, roundTripMs };
  }
  const asker = { client, server, other, options };
  // Before anything goes to the other places, which opens a filter for them.
  const filtering = await filteringOf(asker);
  const mapping = isTranslated === false ? 'endpoint-independent' : await mappingOf(asker, mapped);
  return { mapped, isTranslated, mapping, filtering, roundTripMs };
}

interface Asker {
  client: StunClient;
  server: SocketAddress;
  other: SocketAddress;
  options: AskOptions;
}

async function filteringOf({ client, server, other, options }: Asker): Promise<NatBehaviour> {
  const comes = async (from: SocketAddress) => {
    try {
      await client.ask(server, { ...options, ...FILTERED, from });
      return true;
    } catch (error) {
      if (error instanceof StunError && error.code === 'ANDVARI_STUN_TIMEOUT') return false;
      throw error;
    }
  };
  const otherPort = { host: server.host, port: other.port };
  const [fromOther, fromOtherPort] = await Promise.all([comes(other), comes(otherPort)]);
  if (fromOther) return 'endpoint-independent';
  return fromOtherPort ? 'address-dependent' : 'address-and-port-dependent';
}

/** Undefined: a server that names an other address does not answer there. */
async function mappingOf(
  { client, server, other, options }: Asker,
  mapped: SocketAddress,
): Promise<NatBehaviour | undefined> {
  const seenBy = async (place: SocketAddress) => {
    const answer = await client.ask(place, { ...options, ...FILTERED });
    return answer.mapped;
  };
  try {
    const byOtherHost = await seenBy({ host: other.host, port: server.port });
    if (isSame(byOtherHost, mapped)) return 'endpoint-independent';
    const byOther = await seenBy(other);
    return isSame(byOther, byOtherHost) ? 'address-dependent' : 'address-and-port-dependent';
  } catch (error) {
    if (error instanceof StunError && error.code === 'ANDVARI_STUN_TIMEOUT') return undefined;
    throw error;
  }
}

function isSame(one: SocketAddress, other: SocketAddress): boolean {
  return equalBytes(farEndOf(one), farEndOf(other));
}

/**
 * May the server's other address be sent to? It names what it likes: a stranger there would get a
 * handful of small packets, and what is no address of one machine none.
 */
function isOther(other: SocketAddress, server: SocketAddress): boolean {
  const bytes = ipBytes(other.host);
  const first = bytes[0] ?? 0;
  const isIpv4 = bytes.length === 4;
  const isOneMachine = isIpv4 ? first !== 0 && first < 224 : first !== 0xff && bytes.some(Boolean);
  const isOurs = isLoopback(other.host) && !isLoopback(server.host);
  const isOneFamily = isIpv4 === server.host.includes('.');
  const isAnother = other.host !== server.host && other.port !== server.port && other.port !== 0;
  return isOneMachine && !isOurs && isOneFamily && isAnother;
}
