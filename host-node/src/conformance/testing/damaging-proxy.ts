/**
 * A proxy in front of a server that damages its replies as a test says: what the suite does not
 * notice through it, it would not notice in a server either.
 */
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { keptPorts } from '../../testing/ports.ts';

/** Gives the bytes to pass on; undefined: none. */
export type Damage = (reply: Buffer, request: Buffer) => Buffer | undefined;

const HOST = '127.0.0.1';

export class DamagingProxy {
  /** Set between runs. */
  damage: Damage = (reply) => reply;
  /** What the server gets in place of a request; TCP requests come in one piece here. */
  rewrite: (request: Buffer) => Buffer = (request) => request;
  readonly #port: number;
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#serve(client));
  readonly #datagrams = createSocket('udp4');
  readonly #open = new Set<Socket | Datagrams>();

  private constructor(port: number) {
    this.#port = port;
  }

  /** In front of a server on this machine, for UDP and TCP on one port. */
  static async open(port: number): Promise<DamagingProxy> {
    const proxy = new DamagingProxy(port);
    proxy.#datagrams.bind(await keptPorts(), HOST);
    await once(proxy.#datagrams, 'listening');
    proxy.#datagrams.on('message', (request, peer) => proxy.#pass(request, peer.port));
    proxy.#server.listen(proxy.port, HOST);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return this.#datagrams.address().port;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) 'destroy' in socket ? socket.destroy() : socket.close();
    this.#datagrams.close();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(request: Buffer, peerPort: number): void {
    const socket = createSocket('udp4');
    this.#open.add(socket);
    socket.once('message', (reply) => {
      const bytes = this.damage(reply, request);
      if (bytes) this.#datagrams.send(bytes, peerPort, HOST);
      this.#open.delete(socket);
      socket.close();
    });
    socket.send(this.rewrite(request), this.#port, HOST);
  }

  #serve(client: Socket): void {
    const server = connect({ port: this.#port, host: HOST, noDelay: true });
    const sent: Buffer[] = [];
    const came: Buffer[] = [];
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#open.add(socket);
      socket.on('error', end);
      socket.on('close', () => this.#open.delete(socket));
    }
    client.on('data', (part) => {
      sent.push(part);
      server.write(this.rewrite(part));
    });
    client.on('end', () => server.end());
    server.on('data', (part) => came.push(part));
    server.on('end', () => {
      const reply = Buffer.concat(came);
      const bytes = reply.length > 0 ? this.damage(reply, Buffer.concat(sent)) : reply;
      client.end(bytes ?? Buffer.alloc(0));
    });
  }
}
