/**
 * Datagrams of a node that calls and is called: from and to anywhere, at any time. PacketIo
 * (packet-io.ts) is for servers, whose every datagram answers one; this is its sister for the
 * transfer protocol. Three ways into the kernel: `portable` (node:dgram), `mmsg`, which receives
 * into an engine's memory and sends from it, and `af_xdp`, by which packets of sessions come past
 * the network stack. The first two pass the suite in datagram-io.compliance.ts, which opens many at
 * one address; af_xdp, of which an interface takes one, is `mmsg` beside what has tests of its own
 * (tests/transfer/udp-xdp.test.ts, native-io/lib/xdp-datagrams.test.ts).
 */
import type { DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import type { SocketAddress } from './packet-io.ts';

export interface DatagramIo extends DatagramTransport {
  /** `portable`, `mmsg` or `af_xdp`. */
  readonly backend: string;
  /** Where it is bound, once it is open. */
  readonly bound: SocketAddress;
  /** Datagrams handed over, and those handed to the kernel. */
  readonly received: number;
  readonly sent: number;
  /** Those that found no room or no way, or came from where nobody can be answered. */
  readonly dropped: number;
  /** Those that the interface does not take: probes of a path's size, mostly. */
  readonly tooLarge: number;
  /** Rejects with PortInUseError, AddressError or BackendError; nothing is then left open. */
  open: DatagramTransport['open'];
}

/** Bytes of IP and UDP in front of a datagram. */
export function headerBytes(ipv6: boolean): number {
  return ipv6 ? 48 : 28;
}
