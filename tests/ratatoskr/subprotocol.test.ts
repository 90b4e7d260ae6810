/** Servers with and without `ratatoskr.v1`, for both WebSockets that a client has (section 4). */
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket as Peer, WebSocketServer } from 'ws';
import type { ClientTransport } from '../../host-common/src/ratatoskr/client/client-channel.ts';
import { platformTransports } from '../../host-common/src/ratatoskr/client/platform-transports.ts';
import { WsClientTransport } from '../../host-node/src/ratatoskr/ws-client-transport.ts';

const OFFERED = 'ratatoskr.v1';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Sends back what it gets. */
class EchoServer {
  /** What each upgrade has offered. */
  readonly offers: (string | undefined)[] = [];
  port = 0;
  #server: WebSocketServer | undefined;

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ratatoskr`;
  }

  /** `answers`: what it says to whatever is offered [what is offered]; '': it has none. */
  async start(answers?: string): Promise<this> {
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
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    ends.push(() => this.stop());
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const client of server?.clients ?? []) client.terminate();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }
}

/** Connects, and sees that messages go both ways. */
async function works(transport: ClientTransport): Promise<void> {
  const heard = Promise.withResolvers<Uint8Array>();
  const events = { message: heard.resolve, closed: () => undefined };
  const channel = await transport.connect(events, AbortSignal.timeout(5000));
  ends.push(() => channel.close(1000, ''));
  channel.send(Uint8Array.of(1, 2));
  expect(await heard.promise).toEqual(Uint8Array.of(1, 2));
}

describe.each([
  [
    'the platform',
    (url: string) => platformTransports({ webSocketUrl: url })[0] as ClientTransport,
  ],
  ['ws', (url: string) => new WsClientTransport({ url })],
])('the subprotocol, by the WebSocket of %s', (_, transportTo) => {
  it('is offered once to a server that has it', async () => {
    const { url, offers } = await new EchoServer().start();
    const transport = transportTo(url);
    await works(transport);
    await works(transport);
    expect(offers).toEqual([OFFERED, OFFERED]);
  });

  it('may be absent, which is remembered', async () => {
    const { url, offers } = await new EchoServer().start('');
    const transport = transportTo(url);
    await works(transport);
    await works(transport);
    expect(offers).toEqual([OFFERED, undefined, undefined]);
  });

  it('may come and go with the server', async () => {
    const server = await new EchoServer().start();
    const transport = transportTo(server.url);
    await works(transport);
    for (const answers of ['', undefined, '']) {
      await server.stop();
      await expect(works(transport)).rejects.toThrow();
      await server.start(answers);
      // Of the four tries that include one of the other way, one was made in vain.
      let tries = 1;
      const isUp = () =>
        works(transport).then(
          () => true,
          () => false,
        );
      while (tries <= 3 && !(await isUp())) tries++;
      expect(tries).toBeLessThanOrEqual(3);
    }
  });

  it.each(['ratatoskr.v2', `${OFFERED}x`, `${OFFERED}, other`])(
    'may not be another one: %s',
    async (answers) => {
      const { url, offers } = await new EchoServer().start(answers);
      const transport = transportTo(url);
      for (let tries = 1; tries <= 4; tries++) {
        await expect(works(transport)).rejects.toThrow();
        expect(offers.length).toBeLessThanOrEqual(tries + 1);
      }
    },
  );

  it('does not lengthen the time of a try', async () => {
    // Connections are taken, and nothing is ever said.
    const silent = createServer();
    let asked = 0;
    silent.on('connection', (socket) => {
      // Node's own opens another connection at the end, and says nothing on it.
      socket.once('data', () => asked++);
      ends.push(() => socket.destroy());
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    ends.unshift(() => new Promise((resolve) => silent.close(resolve)));
    const transport = transportTo(`ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`);
    const events = { message: () => undefined, closed: () => undefined };
    const stop = new AbortController();
    const connecting = transport.connect(events, stop.signal);
    await expect.poll(() => asked).toBe(1);
    stop.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBe(1);
  });
});
