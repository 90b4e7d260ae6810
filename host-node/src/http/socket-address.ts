import { isIP } from 'node:net';

/** Where a server listens. An IPv6 host stands without brackets; port 0 asks for a free one. */
export interface SocketAddress {
  host: string;
  port: number;
}

/** `127.0.0.1:25000`, `[::1]:25000`: as people and URLs write it. */
export function formatAddress({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether an address (as sockets report it) is this machine itself. */
export function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** Somebody else has the address: said once, with the port, so that it can be found and freed. */
export class PortInUseError extends Error {
  readonly code = 'ANDVARI_PORT_IN_USE';
  readonly address: SocketAddress;

  constructor(address: SocketAddress, protocol: 'UDP' | 'TCP' | 'HTTP', cause?: unknown) {
    super(
      `${protocol} port ${address.port} on ${address.host} is in use: another server listens on ` +
        `${formatAddress(address)}`,
      { cause },
    );
    this.name = 'PortInUseError';
    this.address = address;
  }
}

/** The address is not one of this machine, or the port is reserved for the superuser. */
export class ListenError extends Error {
  readonly code = 'ANDVARI_LISTEN_FAILED';
  readonly address: SocketAddress;

  constructor(address: SocketAddress, cause: Error) {
    super(`cannot listen on ${formatAddress(address)}: ${cause.message}`, { cause });
    this.name = 'ListenError';
    this.address = address;
  }
}

/** The error that a user is to see for a socket that could not be bound. */
export function describeListenError(
  error: unknown,
  address: SocketAddress,
  protocol: 'UDP' | 'TCP' | 'HTTP',
): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const { code } = error as { code?: unknown };
  if (code === 'EADDRINUSE') return new PortInUseError(address, protocol, error);
  if (typeof code === 'string' && code.startsWith('ANDVARI_')) return error;
  return new ListenError(address, error);
}
