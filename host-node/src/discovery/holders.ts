/** Peers as announcements tell of them, as a TransferNode calls them, and the reverse. */
import type { Announcement } from '@andvari/host-common/discovery/announcement';
import { ADDRESSES_MAX, type Places, RELAY_BYTES_MAX } from '@andvari/host-common/discovery/places';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { parseRelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { formatAddress } from '../http/socket-address.ts';
import { ipBytes, ipText } from '../io/ip-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { isLoopback } from '../raida/origin.ts';
import type { PeerCaller } from '../transfer/called-sources.ts';
import type { TransferNode } from '../transfer/node.ts';
import type { WsRelayOptions } from '../transfer/relay/ws-relay.ts';

/** For one of several places of a peer: then the next is tried. */
const PLACE_MS = 3000;

/** Where a peer that was found is called. */
export interface Holder {
  peerId: Uint8Array;
  /** The likeliest first. */
  places: SocketAddress[];
  relay?: WsRelayOptions | undefined;
  announcedMs: number;
}

/** @throws RangeError: the address of a relay is too long to be announced */
export function placesOf(addresses: readonly SocketAddress[], relay: string | undefined): Places {
  if (relay !== undefined && relay.length > RELAY_BYTES_MAX) {
    throw new RangeError(
      `a relay's address of more than ${RELAY_BYTES_MAX} bytes is not announced`,
    );
  }
  const known = addresses.slice(0, ADDRESSES_MAX);
  return {
    addresses: known.map(({ host, port }) => ({ address: ipBytes(host), port })),
    ...(relay !== undefined && { relay }),
  };
}

/**
 * @param isHere whether the DHT is on this machine alone: else no announcement has a node call what
 * listens on its own loopback interface
 */
export function holderOf(found: Announcement, isHere: boolean): Holder {
  const { peerId, addresses, relay, atMs: announcedMs } = found;
  const places = addresses
    .map(({ address, port }) => ({ host: ipText(address), port }))
    .filter(({ host }) => isHere || !isLoopback(host));
  const at = { peerId, places, announcedMs };
  return relay === undefined ? at : { ...at, relay: parseRelayAddress(relay) };
}

/** As `andvari receive` takes it: one for each place. */
export function codesOf({ peerId, places, relay }: Holder): string[] {
  const peer = peerIdText(peerId);
  const codes = places.map((place) => `${peer}@${formatAddress(place)}`);
  return relay ? [...codes, `${peer}@${relay.url}`] : codes;
}

/** Tries one place after the other; the relay last, if the node is at it. */
export function callerOf(holder: Holder, timeoutMs: number, node: TransferNode): PeerCaller {
  const { peerId, places, relay } = holder;
  const at = places.map((address) => ({ peerId, address }));
  const ways = relay ? [...at, { peerId, relay }] : at;
  const call = async (signal: AbortSignal): Promise<TransferSession> => {
    let last: unknown;
    for (const way of ways) {
      const ownMs = way === ways.at(-1) ? timeoutMs : Math.min(timeoutMs, PLACE_MS);
      try {
        return await node.connect(way, { signal, timeoutMs: ownMs });
      } catch (error) {
        signal.throwIfAborted();
        last = error;
      }
    }
    throw last;
  };
  return { peerId, call };
}
