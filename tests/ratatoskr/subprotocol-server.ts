/** A WebSocket server with a subprotocol, or without one. */
import { type WebSocket as Peer, WebSocketServer } from 'ws';
import { keptPorts } from '../../host-node/src/testing/ports.ts';

/** Sends back what it gets. */
export class SubprotocolServer {
  /** What each upgrade has offered. */
  readonly offers: (string | undefined)[] = [];
  port = 0;
  #server: WebSocketServer | undefined;

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ratatoskr`;
  }

  /**
   * On the same port each time. `answers`: what it says to whatever is offered [what is offered];
   * '': it has none.
   */
  async start(answers?: string): Promise<this> {
    this.port ||= await keptPorts();
    const server = new WebSocketServer({
      ...{ host: '127.0.0.1', port: this.port },
      ...(answers === undefined ? {} : { handleProtocols: () => false }),
    });
    server.on('headers', (lines, { headers }) => {
      this.offers.push(headers['sec-websocket-protocol']);
      if (answers) lines.push(`Sec-WebSocket-Protocol: ${answers}`);
    });
    server.on('connection', (peer: Peer) => {
      peer.on('message', (data) => peer.send(data as Buffer));
    });
    await new Promise((resolve) => server.once('listening', resolve));
    this.#server = server;
    return this;
  }

  /** Cuts everybody off. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const client of server?.clients ?? []) client.terminate();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }
}
