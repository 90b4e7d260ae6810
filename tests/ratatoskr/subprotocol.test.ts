/** Servers with and without `ratatoskr.v1`, for both WebSockets that a client has (section 4). */
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientTransport } from '../../host-common/src/ratatoskr/client/client-channel.ts';
import { platformTransports } from '../../host-common/src/ratatoskr/client/platform-transports.ts';
import { WsClientTransport } from '../../host-node/src/ratatoskr/ws-client-transport.ts';
import { SubprotocolServer } from './subprotocol-server.ts';

const OFFERED = 'ratatoskr.v1';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function opened(server: SubprotocolServer): SubprotocolServer {
  ends.push(() => server.stop());
  return server;
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
    const { url, offers } = await opened(new SubprotocolServer()).start();
    const transport = transportTo(url);
    await works(transport);
    await works(transport);
    expect(offers).toEqual([OFFERED, OFFERED]);
  });

  it('may be absent, which is remembered', async () => {
    const { url, offers } = await opened(new SubprotocolServer()).start('');
    const transport = transportTo(url);
    await works(transport);
    await works(transport);
    expect(offers).toEqual([OFFERED, undefined, undefined]);
  });

  it('may come and go with the server', async () => {
    const server = await opened(new SubprotocolServer()).start();
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
      const { url, offers } = await opened(new SubprotocolServer()).start(answers);
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
