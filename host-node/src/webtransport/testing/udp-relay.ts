/** A way between QUIC clients and a server on this machine, on which some datagrams are lost. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const HOST = '127.0.0.1';
/** The first bit of packets of the handshake (RFC 9000 section 17.2). */
const LONG_HEADER = 0x80;

export class UdpRelay {
  /** Where the server is. */
  target = 0;
  /** Longer UDP payloads are lost, both ways. */
  bytesMax: number;
  /** Lengths of those that were lost. */
  readonly lost: number[] = [];
  readonly #sparesHandshakes: boolean;
  readonly #front = createSocket('udp4');
  /** By the client's port: from where its datagrams reach the server. */
  readonly #behind = new Map<number, Socket>();

  private constructor(bytesMax: number, sparesHandshakes: boolean) {
    this.bytesMax = bytesMax;
    this.#sparesHandshakes = sparesHandshakes;
  }

  /** @param sparesHandshakes as where the path became narrow only after them */
  static async open(bytesMax: number, { sparesHandshakes = false } = {}): Promise<UdpRelay> {
    const relay = new UdpRelay(bytesMax, sparesHandshakes);
    relay.#front.bind(0, HOST);
    await once(relay.#front, 'listening');
    relay.#front.on('message', (datagram, { port }) => {
      if (relay.#carries(datagram)) relay.#socketOf(port).send(datagram, relay.target, HOST);
    });
    return relay;
  }

  get port(): number {
    return this.#front.address().port;
  }

  close(): void {
    for (const socket of this.#behind.values()) socket.close();
    this.#front.close();
  }

  #socketOf(clientPort: number): Socket {
    const known = this.#behind.get(clientPort);
    if (known) return known;
    const socket = createSocket('udp4');
    socket.on('message', (datagram) => {
      if (this.#carries(datagram)) this.#front.send(datagram, clientPort, HOST);
    });
    this.#behind.set(clientPort, socket);
    return socket;
  }

  #carries(datagram: Buffer): boolean {
    const isHandshake = ((datagram[0] as number) & LONG_HEADER) !== 0;
    if (datagram.length <= this.bytesMax || (isHandshake && this.#sparesHandshakes)) return true;
    this.lost.push(datagram.length);
    return false;
  }
}
