/**
 * A server's datagrams by every way into the kernel, on a pair of virtual interfaces in namespaces
 * of its own, and a client at the other end. Everything else of the server is where it always is.
 */
import { createSocket, type Socket } from 'node:dgram';
import { loadNative, type XdpAttachment } from '@andvari/native-io';
import type { Backend } from '../../host-node/src/io/choose-backend.ts';
import { openNative, type PacketRequest } from '../../host-node/src/io/open-packets.ts';
import { PortableUdp } from '../../host-node/src/io/portable-udp.ts';
import type { RaidaServer } from '../../host-node/src/raida/server.ts';
import { loadTestModule } from '../../native-io/lib/testing/test-module.ts';
import { CLIENT_IP, SERVER_IP, type Veth } from '../../native-io/lib/testing/veth.ts';
import { PATIENCE_MS } from './exchange.ts';
import type { Listener } from './vector-server.ts';

export const BACKENDS = ['portable', 'mmsg', 'io_uring', 'af_xdp'] as const;
const PORT = 25_000;

/** Opens a server's socket in the server's namespace. */
export function listenBy(backend: Backend, veth: Veth): (server: RaidaServer) => Promise<Listener> {
  return async ({ loop }) => {
    const request = { backend, host: SERVER_IP, port: PORT, reusePort: false };
    if (backend === 'portable') {
      const udp = new PortableUdp();
      // Bound at once, while the namespace is entered: the address needs no look-up.
      const opened = inside(veth.server, () => udp.open(request, loop));
      const { port } = await opened;
      return { port, connections: 0, close: () => udp.close() };
    }
    const attachment = backend === 'af_xdp' ? attach(veth) : undefined;
    const addon = nativeOrThrow();
    const xdp = attachment && {
      ...{ interface: veth.serverInterface, queue: 0 },
      ...{ mapFd: attachment.mapFd, mode: attachment.mode },
    };
    const all: PacketRequest = { ...request, xdp };
    const socket = inside(veth.server, () => openNative(addon, all, loop.engine));
    loop.attach(socket);
    return {
      port: socket.port,
      connections: 0,
      close: async () => {
        loop.detach();
        attachment?.close();
      },
    };
  };
}

function nativeOrThrow() {
  const addon = loadNative();
  if ('missing' in addon) throw new Error(addon.missing);
  return addon;
}

function attach(veth: Veth): XdpAttachment {
  const where = { interface: veth.serverInterface, host: SERVER_IP, port: PORT };
  return inside(veth.server, () => nativeOrThrow().attachXdp(where));
}

function inside<T>(namespace: string, work: () => T): T {
  return loadTestModule().inNamespace(namespace, work);
}

/** A socket in the client's namespace. */
export class VethClient {
  readonly #socket: Socket;

  constructor(veth: Veth) {
    this.#socket = inside(veth.client, () => {
      const socket = createSocket({
        type: 'udp4',
        lookup: (host, _options, done) => done(null, host, 4),
      });
      return socket.bind(0, CLIENT_IP);
    });
  }

  /** The reply to a datagram; undefined: silence. */
  ask(
    port: number,
    request: Uint8Array,
    patienceMs = PATIENCE_MS,
  ): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const end = (reply?: Uint8Array) => {
        clearTimeout(timer);
        this.#socket.off('message', end);
        resolve(reply);
      };
      const timer = setTimeout(end, patienceMs);
      this.#socket.on('message', end);
      this.#socket.send(request, port, SERVER_IP);
    });
  }

  close(): void {
    this.#socket.close();
  }
}
