/**
 * The other side of a connection from server to server, written from the specification with
 * node:crypto: reads whole requests of 32-byte headers, answers what the test says.
 */
import { createCipheriv } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A request, decrypted if there is a key. */
export interface Heard {
  bytes: Buffer;
  header: Buffer;
  challenge: Buffer;
  payload: Buffer;
}

export interface Answer {
  status: number;
  payload?: Uint8Array;
  /** Byte 0 of the reply. */
  number: number;
}

/** Bytes to send, or undefined to stay silent; what is more is done with the socket. */
type Answering = (heard: Heard, socket: Socket) => Uint8Array | undefined;

const HEADER_BYTES = 32;

function crypt(key: Uint8Array, counter: Uint8Array, bytes: Uint8Array): Buffer {
  const block = Buffer.alloc(16);
  block.set(counter);
  const cipher = createCipheriv('aes-128-ctr', key, block);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

function requestCounter(header: Buffer, legacy: boolean): Buffer {
  return legacy ? header.subarray(24, 32) : header.subarray(20, 32);
}

export class FakeServer {
  readonly heard: Heard[] = [];
  /** Connections at once, at the most so far. */
  most = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #legacy: boolean;
  readonly #key: Uint8Array | undefined;

  private constructor(answering: Answering, { legacy = false, key }: FakeServerOptions) {
    this.#legacy = legacy;
    this.#key = key;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      this.most = Math.max(this.most, this.#sockets.size);
      let bytes = Buffer.alloc(0);
      socket.on('data', (part) => {
        bytes = Buffer.concat([bytes, part]);
        if (bytes.length < HEADER_BYTES || bytes.length < 32 + bytes.readUInt16BE(22)) return;
        const heard = this.#open(bytes);
        this.heard.push(heard);
        const reply = answering(heard, socket);
        if (reply) socket.end(reply);
      });
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async listen(answering: Answering, options: FakeServerOptions = {}): Promise<FakeServer> {
    const fake = new FakeServer(answering, options);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** The reply of the wire to that request. */
  reply(heard: Heard, { status, payload = new Uint8Array(0), number }: Answer): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    header.set([number, 0, status, heard.header[4] ?? 0, 0, 1]);
    header.set(heard.header.subarray(30, 32), 6);
    header.writeUIntBE(payload.length === 0 ? 0 : payload.length + 2, 9, 3);
    const nonce = Buffer.alloc(12, 0x5a);
    if (this.#legacy) {
      const key = this.#key;
      header.set(
        heard.challenge.map((byte, i) => byte ^ (key?.[i] ?? 0)),
        16,
      );
    } else {
      header.set(nonce, 16);
    }
    if (payload.length === 0) return header;
    const counter = this.#legacy ? requestCounter(heard.header, true) : nonce;
    const body = this.#key ? crypt(this.#key, counter, payload) : payload;
    return Buffer.concat([header, body, Buffer.from('>>')]);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #open(bytes: Buffer): Heard {
    const header = bytes.subarray(0, HEADER_BYTES);
    const sealed = bytes.subarray(HEADER_BYTES, -2);
    const counter = requestCounter(header, this.#legacy);
    const body = this.#key ? crypt(this.#key, counter, sealed) : sealed;
    return { bytes, header, challenge: body.subarray(0, 16), payload: body.subarray(16) };
  }
}

interface FakeServerOptions {
  legacy?: boolean;
  /** Requests and replies are of type 1 with that key; without one of type 0. */
  key?: Uint8Array;
}
