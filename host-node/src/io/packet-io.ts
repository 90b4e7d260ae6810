/**
 * Datagrams between the network and a server. One interface, several ways into the kernel:
 * `portable` (node:dgram) hands each to the sink; native ones and workers deliver into the engine's
 * memory themselves (open-packets.ts, raida/worker-pool.ts) and leave the sink alone. Every
 * implementation passes the suite in packet-io.compliance.ts.
 */
import type { RequestSink } from '../raida/origin.ts';

export interface PacketIo {
  /** `portable`, ... as in the configuration. */
  readonly backend: string;
  /**
   * Binds and starts to hand datagrams to the sink. Rejects with PortInUseError or AddressError.
   */
  open(address: SocketAddress, sink: RequestSink): Promise<SocketAddress>;
  /** Datagrams that the server took. */
  readonly received: number;
  /** Datagrams that found no room, in or out. */
  readonly dropped: number;
  close(): Promise<void>;
}

export interface SocketAddress {
  host: string;
  port: number;
}

/** Somebody else listens there. */
export class PortInUseError extends Error {
  readonly code = 'ANDVARI_PORT_IN_USE';
  readonly address: SocketAddress;
  readonly protocol: string;

  constructor(protocol: string, address: SocketAddress, cause: unknown) {
    super(`${protocol} port ${address.port} on ${address.host} is in use by another program`, {
      cause,
    });
    this.name = 'PortInUseError';
    this.protocol = protocol;
    this.address = address;
  }
}

/** The address is not this machine's, or may not be used. */
export class AddressError extends Error {
  readonly code = 'ANDVARI_ADDRESS';

  constructor(protocol: string, address: SocketAddress, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`cannot listen on ${protocol} ${address.host}:${address.port}: ${why}`, { cause });
    this.name = 'AddressError';
  }
}

/** The one error that a failed bind gives. */
export function bindError(protocol: string, address: SocketAddress, cause: unknown): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'EADDRINUSE') return new PortInUseError(protocol, address, cause);
  return new AddressError(protocol, address, cause);
}
