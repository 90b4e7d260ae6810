/**
 * RAIDA over TCP: one request, one reply, then the server closes (reference: RAIDA section 5). A
 * request is collected in the connection's own buffer and takes a frame of the engine only when it
 * is complete, so slow senders hold none. Where all places are taken, the oldest connection that
 * has not sent its request makes way for a new one.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { isLoopback, type RequestOrigin, type RequestSink } from '../raida/origin.ts';
import { bindError, type SocketAddress } from './packet-io.ts';

/** The part of the server that a connection needs besides submit(). */
export interface StreamSink extends RequestSink {
  requestLength(head: Uint8Array): number;
}

export interface TcpOptions {
  /** Connections at once [1024]. */
  connectionsMax?: number;
  /** Of them from one address, also a loopback one [64]. */
  addressConnectionsMax?: number;
  /** A connection that moves nothing for so long is closed, but not while the server works. */
  idleMs?: number;
  /** Life of a connection at the most: whoever sends a byte now and then is closed too. */
  lifeMs?: number;
}

const CONNECTIONS_MAX = 1024;
const ADDRESS_CONNECTIONS_MAX = 64;
const IDLE_MS = 10_000;
const LIFE_MS = 60_000;
const BACKLOG = 511;
/** How soon a complete request is offered again to a server that had no room. */
const RETRY_MS = 2;
/** The longest header; what is shorter cannot tell more than its own length. */
const HEADER_BYTES_MAX = 48;

export class TcpListener {
  readonly #options: Required<TcpOptions>;
  /** The oldest first, all and by their address. */
  readonly #connections = new Set<Connection>();
  readonly #byAddress = new Map<string, Set<Connection>>();
  #server: Server | undefined;

  constructor(options: TcpOptions = {}) {
    this.#options = {
      connectionsMax: CONNECTIONS_MAX,
      addressConnectionsMax: ADDRESS_CONNECTIONS_MAX,
      idleMs: IDLE_MS,
      lifeMs: LIFE_MS,
      ...options,
    };
  }

  get connections(): number {
    return this.#connections.size;
  }

  async open(address: SocketAddress, sink: StreamSink): Promise<SocketAddress> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      if (!this.#makeRoom(socket.remoteAddress ?? '')) {
        socket.destroy();
        return;
      }
      const connection = new Connection(socket, sink, this.#options);
      this.#add(connection);
      socket.once('close', () => this.#remove(connection));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(bindError('TCP', address, error)));
      server.listen({ port: address.port, host: address.host, backlog: BACKLOG }, resolve);
    });
    server.removeAllListeners('error');
    this.#server = server;
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('TCP: no address');
    return { host: bound.address, port: bound.port };
  }

  /** Takes no more connections; those that are there may get their reply. */
  stop(): void {
    this.#server?.close();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  /** False: every place is taken by a request that is complete. */
  #makeRoom(address: string): boolean {
    const { connectionsMax, addressConnectionsMax } = this.#options;
    const ofAddress = this.#byAddress.get(address);
    if (ofAddress && ofAddress.size >= addressConnectionsMax) return this.#dropOldest(ofAddress);
    return this.#connections.size < connectionsMax || this.#dropOldest(this.#connections);
  }

  #dropOldest(connections: Iterable<Connection>): boolean {
    for (const connection of connections) {
      if (connection.isComplete) continue;
      // Its place is free at once; the socket tells of its close later.
      this.#remove(connection);
      connection.destroy();
      return true;
    }
    return false;
  }

  #add(connection: Connection): void {
    this.#connections.add(connection);
    const ofAddress = this.#byAddress.get(connection.address) ?? new Set();
    this.#byAddress.set(connection.address, ofAddress.add(connection));
  }

  #remove(connection: Connection): void {
    this.#connections.delete(connection);
    const ofAddress = this.#byAddress.get(connection.address);
    ofAddress?.delete(connection);
    if (ofAddress?.size === 0) this.#byAddress.delete(connection.address);
  }
}

class Connection implements RequestOrigin {
  readonly address: string;
  readonly local: boolean;
  readonly datagram = false;
  readonly #socket: Socket;
  readonly #sink: StreamSink;
  readonly #idleMs: number;
  #chunks: Buffer[] = [];
  #collected = 0;
  /** Bytes that the request has, as far as is known. */
  #wanted = 1;
  #submitted = false;
  #replied = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(socket: Socket, sink: StreamSink, options: Required<TcpOptions>) {
    this.#socket = socket;
    this.#sink = sink;
    this.address = socket.remoteAddress ?? '';
    this.local = isLoopback(this.address);
    this.#idleMs = options.idleMs;
    socket.setTimeout(options.idleMs, () => socket.destroy());
    const life = setTimeout(() => socket.destroy(), options.lifeMs).unref();
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.#take(chunk));
    // A request that ends before it is complete gets no answer.
    socket.on('end', () => !this.#submitted && socket.destroy());
    socket.once('close', () => {
      clearTimeout(this.#retry);
      clearTimeout(life);
    });
  }

  get isComplete(): boolean {
    return this.#submitted;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reply(bytes: Uint8Array): void {
    this.#replied = true;
    this.#socket.setTimeout(this.#idleMs);
    this.#socket.end(Buffer.from(bytes));
    // The close after the reply is the server's; what the client still sends is not read.
    this.#socket.resume();
  }

  dropped(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#submitted) return;
    this.#chunks.push(chunk);
    this.#collected += chunk.length;
    while (this.#collected >= this.#wanted) {
      const head = this.#head();
      const wanted = this.#sink.requestLength(head);
      if (wanted <= this.#wanted) {
        this.#submit(wanted);
        return;
      }
      this.#wanted = wanted;
    }
  }

  /** The first bytes in one piece, as many as a header can have. */
  #head(): Buffer {
    const first = this.#chunks[0];
    if (first && (first.length >= HEADER_BYTES_MAX || this.#chunks.length === 1)) return first;
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  #submit(bytes: number): void {
    this.#submitted = true;
    this.#socket.pause();
    const all =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#offer(all.subarray(0, bytes));
  }

  #offer(message: Buffer): void {
    if (this.#socket.destroyed) return;
    if (!this.#sink.submit(message, this)) {
      this.#retry = setTimeout(() => this.#offer(message), RETRY_MS);
      return;
    }
    // It is the server that is waited for now, 40 s at the most when it asks other machines.
    if (!this.#replied) this.#socket.setTimeout(0);
  }
}
