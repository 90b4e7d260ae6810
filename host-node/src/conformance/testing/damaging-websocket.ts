/** A proxy in front of a WebSocket server that damages what it says, as a test says. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

export class DamagingWebSocket {
  /** What a client gets in place of a message; undefined: nothing. Set between runs. */
  damage: (answer: Buffer) => Buffer | undefined = (answer) => answer;
  /** What the server gets in place of one. */
  rewrite: (message: Buffer) => Buffer = (message) => message;
  /** The code by which it closes, of that by which the server did. */
  closing: (code: number) => number = (code) => code;
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
  }

  /** In front of a server, at the same path and with its subprotocol. */
  static async open(behind: string): Promise<DamagingWebSocket> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const proxy = new DamagingWebSocket(server);
    server.on('connection', (client) => proxy.#serve(client, behind));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: WebSocket, behind: string): void {
    const server = new WebSocket(behind, client.protocol ? [client.protocol] : []);
    const opened = once(server, 'open').catch(() => client.terminate());
    const end = (other: WebSocket, code: number) => {
      // Neither of these codes may be said (RFC 6455, 7.4.1).
      if (code === 1006 || other.readyState === WebSocket.CONNECTING) other.terminate();
      else if (code === 1005) other.close();
      else other.close(code);
    };
    client.on('message', (data, isBinary) => {
      const message = isBinary ? this.rewrite(data as Buffer) : (data as Buffer);
      void opened.then(() => server.send(message, { binary: isBinary }, () => {}));
    });
    server.on('message', (data) => {
      const answer = this.damage(data as Buffer);
      if (answer) client.send(answer, () => {});
    });
    server.on('close', (code) => end(client, this.closing(code)));
    client.on('close', (code) => end(server, code));
    for (const socket of [client, server]) socket.on('error', () => {});
  }
}
