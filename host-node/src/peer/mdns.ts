/**
 * Peers on the same network by multicast DNS, as other libp2p nodes have it. Anybody there can
 * announce anything: what is found is dialled, and has to prove itself like everybody.
 */
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns';

export interface MdnsOptions {
  /** UDP [5353]. */
  port?: number;
  /** Between two questions [10 s]. */
  intervalMs?: number;
}

/** Addresses of one announcement that are looked at: the first is dialled. */
const ADDRESSES_MAX = 8;

/**
 * A service of libp2p. `found` has a multiaddr with its peer. libp2p does not see what it finds:
 * its peer store would keep all of it.
 */
export function mdnsService(
  { port, intervalMs }: MdnsOptions,
  found: (address: string) => void,
): (components: MulticastDNSComponents) => { start(): Promise<void>; stop(): Promise<void> } {
  const options = {
    ...(port !== undefined && { port }),
    ...(intervalMs !== undefined && { interval: intervalMs }),
  };
  return (components) => {
    const service = mdns(options)(components) as ReturnType<ReturnType<typeof mdns>> & {
      start(): Promise<void>;
      stop(): Promise<void>;
    };
    service.addEventListener('peer', ({ detail: { id, multiaddrs } }) => {
      const own = multiaddrs.slice(0, ADDRESSES_MAX).map(String);
      const address = own.find((text) => text.includes('/tcp/')) ?? own[0];
      if (address !== undefined) found(`${address}/p2p/${id}`);
    });
    return { start: () => service.start(), stop: () => service.stop() };
  };
}
