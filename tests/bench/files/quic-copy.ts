/**
 * A copy of one file over QUIC, as a program in Node would do it: the quiche of `@matrixai/quic`
 * over node:dgram, one stream one way. The peer of `npm run bench:files`.
 *
 * receive HOST PORT CERTIFICATE KEY FILE · send OWN-HOST HOST PORT FILE
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import {
  type HostPort,
  loadQuicBinding,
  type NativeConnection,
  type QuicConfig,
} from '../../../host-node/src/webtransport/quic-binding.ts';

const binding = loadQuicBinding();
/** The first stream that a client opens for one way. */
const STREAM = 2;
/** The UDP payload of an Ethernet packet. */
const PAYLOAD_BYTES = 1472;
const WINDOW_BYTES = 16 << 20;
const PIECE_BYTES = 256 << 10;
const SOCKET_BYTES = 8 << 20;
const PACKETS_PER_TURN = 256;
const IDLE_MS = 30_000;

function told(config: QuicConfig): QuicConfig {
  config.setApplicationProtos(['copy']);
  config.setMaxIdleTimeout(IDLE_MS);
  config.setMaxRecvUdpPayloadSize(PAYLOAD_BYTES);
  config.setMaxSendUdpPayloadSize(PAYLOAD_BYTES);
  config.setInitialMaxData(WINDOW_BYTES);
  config.setInitialMaxStreamDataUni(WINDOW_BYTES);
  config.setMaxConnectionWindow(WINDOW_BYTES);
  config.setMaxStreamWindow(WINDOW_BYTES);
  config.setInitialMaxStreamsUni(1);
  // The same as in our WebTransport (quic-config.ts says why).
  config.enablePacing(false);
  config.setCcAlgorithmName('bbr');
  return config;
}

/** Packets in, packets out, and time. Resolves when the connection is over. */
class Link {
  readonly ended: Promise<void>;
  readonly native: NativeConnection;
  #end!: () => void;
  readonly #socket: Socket;
  readonly #local: HostPort;
  /** Moves what can be moved of the file. */
  readonly #work: () => void;
  #isPlanned = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, native: NativeConnection, work: (native: NativeConnection) => void) {
    this.#socket = socket;
    this.#local = addressOf(socket);
    this.native = native;
    this.#work = () => work(native);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.plan();
  }

  receive(packet: Buffer, from: HostPort): void {
    try {
      this.native.recv(packet, { from, to: this.#local });
    } catch {
      // Damaged, or not for us.
    }
    this.plan();
  }

  /** One turn for all that has come meanwhile. */
  plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { native } = this;
    if (native.isEstablished() && !native.isClosed()) this.#work();
    let left = PACKETS_PER_TURN;
    for (; left > 0; left--) {
      const packet = Buffer.allocUnsafe(PAYLOAD_BYTES);
      const sent = native.send(packet);
      if (!sent) break;
      const [bytes, { to }] = sent;
      this.#socket.send(packet, 0, bytes, to.port, to.host, () => {}); // lost is lost
    }
    clearTimeout(this.#timer);
    if (native.isClosed() || native.isDraining()) {
      this.#end();
      return;
    }
    if (left === 0) this.plan();
    const ms = native.timeout();
    if (ms === null) return;
    this.#timer = setTimeout(() => {
      native.onTimeout();
      this.plan();
    }, ms);
  }
}

async function bound(host: string, port: number): Promise<Socket> {
  const size = { recvBufferSize: SOCKET_BYTES, sendBufferSize: SOCKET_BYTES };
  // Nothing to look up.
  const lookup = (name: string, _: object, done: (...all: [null, string, number]) => void) =>
    done(null, name, 4);
  const socket = createSocket({ type: 'udp4', ...size, lookup: lookup as never });
  const listening = once(socket, 'listening'); // which bind may do at once
  socket.bind(port, host);
  await listening;
  return socket;
}

function addressOf(socket: Socket): HostPort {
  const { address, port } = socket.address();
  return { host: address, port };
}

async function send(host: string, to: HostPort, path: string): Promise<void> {
  const socket = await bound(host, 0);
  const config = told(binding.Config.withBoringSslCtx(false, false, null, null, null));
  const local = addressOf(socket);
  const native = binding.Connection.connect(null, randomBytes(16), local, to, config);
  const file = openSync(path, 'r');
  const piece = Buffer.alloc(PIECE_BYTES);
  let held = piece.subarray(0, 0);
  let isOver = false;
  const link = new Link(socket, native, () => {
    while (!isOver) {
      if (held.length === 0) held = piece.subarray(0, readSync(file, piece));
      isOver = held.length === 0;
      const taken = native.streamSend(STREAM, held, isOver) ?? 0;
      if (isOver || taken === 0) return;
      held = held.subarray(taken);
    }
  });
  socket.on('message', (packet, from) =>
    link.receive(packet, { host: from.address, port: from.port }),
  );
  await link.ended;
  closeSync(file);
  socket.close();
  const isGood = native.peerError()?.isApp === true && native.peerError()?.errorCode === 0;
  if (!isGood) throw new Error('the connection was lost');
}

/** The file has come when the sender ends the stream, and the sender knows by the close. */
async function receive(
  at: HostPort,
  keys: { certificate: string; key: string },
  path: string,
): Promise<void> {
  const socket = await bound(at.host, at.port);
  const [key, certificate] = [readFileSync(keys.key), readFileSync(keys.certificate)];
  const config = told(binding.Config.withBoringSslCtx(false, false, null, [key], [certificate]));
  const file = openSync(path, 'w');
  const piece = Buffer.alloc(PIECE_BYTES);
  let isWhole = false;
  const read = (native: NativeConnection) => {
    while (!isWhole && native.streamReadable(STREAM)) {
      const got = native.streamRecv(STREAM, piece);
      if (!got) return;
      writeSync(file, piece, 0, got[0]);
      isWhole = got[1];
    }
    if (isWhole) native.close(true, 0, new Uint8Array());
  };
  console.log('ready');
  const link = await new Promise<Link>((resolve) => {
    let only: Link | undefined;
    socket.on('message', (packet, { address: host, port }) => {
      if (!only) {
        const local = addressOf(socket);
        const id = randomBytes(16);
        const native = binding.Connection.accept(id, null, local, { host, port }, config);
        only = new Link(socket, native, read);
        resolve(only);
      }
      only.receive(packet, { host, port });
    });
  });
  await link.ended;
  closeSync(file);
  socket.close();
  if (!isWhole) throw new Error('the connection was lost');
}

const [command, ...words] = process.argv.slice(2);
if (command === 'send') {
  const [own = '', host = '', port, path = ''] = words;
  await send(own, { host, port: Number(port) }, path);
} else {
  const [host = '', port, certificate = '', key = '', path = ''] = words;
  await receive({ host, port: Number(port) }, { certificate, key }, path);
}
