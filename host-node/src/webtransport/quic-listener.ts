/**
 * A QUIC server on one UDP socket: which packet belongs to which connection, address validation,
 * and how many connections there may be.
 */
import { randomBytes } from 'node:crypto';
import type { RemoteInfo } from 'node:dgram';
import type { SocketAddress } from '../io/packet-io.ts';
import { UdpSocket } from '../io/udp-socket.ts';
import {
  CONNECTIONS_MAX,
  INITIAL_PAYLOAD_BYTES_MIN,
  RECEIVE_PAYLOAD_BYTES,
  SOCKET_ARENA_BYTES,
} from './limits.ts';
import type { HostPort, QuicBinding, QuicConfig, QuicHeader } from './quic-binding.ts';
import { QuicConnection } from './quic-connection.ts';
import { RetryTokens } from './retry-token.ts';
import type { ThreadShares } from './thread-shares.ts';

/** Our connection ids: too long to be guessed. */
const CONNECTION_ID_BYTES = 16;
const LONG_HEADER_BIT = 0x80;
/** The version of a Version Negotiation packet, which gets no answer. */
const NEGOTIATION = 0;

export interface QuicListenerOptions {
  binding: QuicBinding;
  /** Asked for each new connection, so that a new certificate needs no restart. */
  config: () => QuicConfig;
  /** Must set `events`. */
  accept: (connection: QuicConnection) => void;
  /** Gives up a connection that nobody needs any more, when all places are taken. */
  makeRoom?: () => void;
  connectionsMax?: number | undefined;
  handshakeTimeoutMs?: number | undefined;
  /** [each as much of the thread as it takes] */
  shares?: ThreadShares | undefined;
}

/** What happened to packets that no connection got. */
export interface QuicListenerCounts {
  retriesSent: number;
  tokensRefused: number;
  /** Clients that came while all places were taken. */
  connectionsRefused: number;
  /** Of connections that had taken their share of the thread. */
  packetsDropped: number;
}

export class QuicListener {
  readonly counts: QuicListenerCounts = {
    retriesSent: 0,
    tokensRefused: 0,
    connectionsRefused: 0,
    packetsDropped: 0,
  };
  readonly #options: QuicListenerOptions;
  readonly #connectionsMax: number;
  readonly #tokens = new RetryTokens();
  readonly #connections = new Map<string, QuicConnection>();
  readonly #out = new Uint8Array(RECEIVE_PAYLOAD_BYTES);
  #socket: UdpSocket | undefined;
  #local: HostPort = { host: '', port: 0 };

  constructor(options: QuicListenerOptions) {
    this.#options = options;
    this.#connectionsMax = options.connectionsMax ?? CONNECTIONS_MAX;
  }

  get connections(): Iterable<QuicConnection> {
    return this.#connections.values();
  }
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Rejects with PortInUseError or AddressError. */
  async open(address: SocketAddress): Promise<SocketAddress> {
    const socket = await UdpSocket.bind(address, { arenaBytes: SOCKET_ARENA_BYTES });
    socket.onMessage((message, from) => this.#receive(message, from));
    this.#socket = socket;
    this.#local = socket.bound;
    return { ...this.#local };
  }

  /** Close all connections with this code, then the socket. */
  async close(http3Code: number): Promise<void> {
    for (const connection of [...this.#connections.values()]) {
      connection.close(http3Code);
      connection.drop();
    }
    const socket = this.#socket;
    this.#socket = undefined;
    await socket?.close();
  }

  #receive(message: Buffer, from: RemoteInfo): void {
    const connection = this.#connections.get(connectionIdIn(message));
    if (!connection) {
      this.#receiveUnknown(message, { host: from.address, port: from.port });
      return;
    }
    // A connection stays with the address that was validated. Clients are asked not to migrate
    // (disable_active_migration); one whose address changes all the same connects again. This also
    // keeps from QUIC what only several paths reach: CVE-2025-7054, an endless loop in quiche 0.18.
    const { remote } = connection;
    if (remote.port !== from.port || remote.host !== from.address) return;
    if (connection.hasTime) connection.receive(message);
    else this.counts.packetsDropped++;
  }

  #receiveUnknown(message: Buffer, remote: HostPort): void {
    // Anything shorter could use us to send more than was received.
    if (message.length < INITIAL_PAYLOAD_BYTES_MIN) return;
    const { binding } = this.#options;
    let header: QuicHeader;
    try {
      header = binding.Header.fromSlice(message, CONNECTION_ID_BYTES);
    } catch {
      return;
    }
    try {
      // What kind of long packet it is, each version says in its own way (RFC 9000 section 17.2.1).
      if (isLong(message) && !binding.versionIsSupported(header.version)) {
        if (header.version === NEGOTIATION) return;
        this.#answer(binding.negotiateVersion(header.scid, header.dcid, this.#out), remote);
      } else if (header.ty !== binding.Type.Initial) {
        return;
      } else if (!header.token?.length) {
        this.#retry(header, remote);
      } else {
        this.#accept(message, header, remote);
      }
    } catch {
      // Ids that QUIC does not take, or an address that it cannot read.
    }
  }

  #retry(header: QuicHeader, remote: HostPort): void {
    const scid = randomBytes(CONNECTION_ID_BYTES);
    const token = this.#tokens.issue(remote, { odcid: header.dcid, scid }, steadyMs());
    const { binding } = this.#options;
    const { scid: clientId, dcid, version } = header;
    this.counts.retriesSent++;
    this.#answer(binding.retry(clientId, dcid, scid, token, version, this.#out), remote);
  }

  #accept(message: Buffer, { dcid, token }: QuicHeader, remote: HostPort): void {
    const odcid = this.#tokens.open(token!, remote, { dcid, nowMs: steadyMs() });
    if (!odcid || dcid.length !== CONNECTION_ID_BYTES) {
      this.counts.tokensRefused++;
      return;
    }
    if (!this.#hasRoom()) {
      this.counts.connectionsRefused++;
      return;
    }
    const { binding, config, handshakeTimeoutMs, shares } = this.#options;
    const native = binding.Connection.accept(dcid, odcid, this.#local, remote, config());
    const transmit = (bytes: Uint8Array, to: HostPort) => this.#send(bytes, to);
    const local = this.#local;
    const connection = new QuicConnection({
      ...{ binding, native, role: 'server', remote, local, transmit, handshakeTimeoutMs, shares },
    });
    const key = Buffer.from(dcid).toString('latin1');
    this.#connections.set(key, connection);
    connection.onGone = () => this.#connections.delete(key);
    this.#options.accept(connection);
    connection.receive(message);
  }

  /** Whoever comes takes the place of one that is over: a closing period would hold it for long. */
  #hasRoom(): boolean {
    const isFull = () => this.#connections.size >= this.#connectionsMax;
    if (!isFull()) return true;
    const over = [...this.#connections.values()].find(({ lost }) => lost);
    if (over) over.drop();
    else this.#options.makeRoom?.();
    return !isFull();
  }

  #answer(bytes: number, to: HostPort): void {
    this.#send(this.#out.subarray(0, bytes), to);
  }

  #send(bytes: Uint8Array, to: HostPort): void {
    // One that finds no room is a lost packet.
    this.#socket?.send(bytes, to.port, to.host);
  }
}

/** Of a clock that nobody sets: a token is good for seconds. */
function steadyMs(): number {
  return Math.floor(performance.now());
}

function isLong(packet: Buffer): boolean {
  return (packet[0]! & LONG_HEADER_BIT) !== 0;
}

/** The destination connection id of a packet (RFC 9000 section 17), or what stands in its place. */
function connectionIdIn(packet: Buffer): string {
  const long = isLong(packet);
  const start = long ? 6 : 1;
  const bytes = long ? (packet[5] ?? 0) : CONNECTION_ID_BYTES;
  return packet.toString('latin1', start, start + bytes);
}
