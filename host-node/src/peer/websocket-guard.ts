/**
 * What libp2p's WebSocket listener leaves open before the gate hears of a connection: a message of
 * up to 100 MiB; any number of sockets, for any time, that never ask for a WebSocket; and a frame
 * that is none, which ends the process.
 */
import type { Server, Socket } from 'node:net';
import type { TransportFactory } from '@andvari/host-common/peer/websocket-reset';
import type { WebSocketServer } from 'ws';

export interface WebSocketGuard {
  /** Sockets of a listener, those that are no WebSockets yet included. */
  socketsMax: number;
  /** By then a socket is a WebSocket, or it is closed [10 s]. */
  upgradeMs?: number;
}

/** Noise writes messages of 64 KiB; others may put several into one. */
const MESSAGE_BYTES_MAX = 2 ** 20;
const UPGRADE_MS = 10_000;

/** Of libp2p's listener; its own types do not tell. */
interface Listener {
  wsServer: WebSocketServer;
  server: Server;
}

/** @param factory webSockets() of libp2p */
export function withGuard(factory: TransportFactory, guard: WebSocketGuard): TransportFactory {
  return (components) => {
    const transport = factory(components);
    const { createListener } = transport;
    transport.createListener = (options) => {
      const listener = createListener.call(transport, options);
      watch(listener as unknown as Listener, guard);
      return listener;
    };
    return transport;
  };
}

function watch({ wsServer, server }: Listener, guard: WebSocketGuard): void {
  const { socketsMax, upgradeMs = UPGRADE_MS } = guard;
  wsServer.options.maxPayload = MESSAGE_BYTES_MAX;
  server.maxConnections = socketsMax;
  const waiting = new Map<Socket, NodeJS.Timeout>();
  const waitsNoMore = (socket: Socket) => {
    clearTimeout(waiting.get(socket));
    waiting.delete(socket);
  };
  server.on('connection', (socket: Socket) => {
    waiting.set(
      socket,
      setTimeout(() => socket.destroy(), upgradeMs),
    );
    socket.once('close', () => waitsNoMore(socket));
  });
  // libp2p gives its own callback: there is no event that says so.
  const { handleUpgrade } = wsServer;
  wsServer.handleUpgrade = (request, duplex, head, upgraded) => {
    handleUpgrade.call(wsServer, request, duplex, head, (webSocket, { socket }) => {
      waitsNoMore(socket);
      // Of frames that are none, or too long. The socket is closed by then; nobody else listens,
      // and an error that nobody hears ends the process.
      webSocket.on('error', () => undefined);
      upgraded(webSocket, request);
    });
  };
  // The server's end waits for all of its sockets, and libp2p ends those alone that have spoken.
  const { close } = server;
  server.close = (done) => {
    for (const socket of waiting.keys()) socket.destroy();
    return close.call(server, done);
  };
}
