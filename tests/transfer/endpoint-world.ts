/** Endpoints with real engines and real handshakes over a network in memory, on every host. */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { joined } from '@andvari/host-common/transfer/byte-strings';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { type Identity, identityOf } from '@andvari/host-common/transfer/identity';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import type { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import type { X25519Provider } from '@andvari/host-common/transfer/x25519';
import { hostAt, MemoryNetwork } from './memory-network.ts';

export async function next<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (value === undefined) throw new Error('the stream has ended');
  return value;
}

export async function bytesOf(stream: TransferStream): Promise<Uint8Array> {
  if (!stream.readable) throw new Error('nothing to read');
  const parts: Uint8Array[] = [];
  const reader = stream.readable.getReader();
  for (let got = await reader.read(); !got.done; got = await reader.read()) parts.push(got.value);
  return joined(...parts);
}

export async function writeAll(stream: TransferStream, bytes: Uint8Array): Promise<void> {
  const writer = stream.writable?.getWriter();
  await writer?.write(bytes);
  await writer?.close();
}

export function pattern(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 7 + (i >> 8) * 13) & 255);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A network and the endpoints on it, which a test closes at its end. */
export class EndpointWorld {
  readonly network = new MemoryNetwork();
  readonly opened: TransferEndpoint[] = [];
  /** That the engine of an endpoint has room for. */
  sessions = 8;
  private readonly x25519: X25519Provider;

  constructor(x25519: X25519Provider) {
    this.x25519 = x25519;
  }

  identity(name: number): Identity {
    return identityOf(new Uint8Array(32).fill(name), this.x25519);
  }

  async endpoint(name: number, more: Partial<EndpointOptions> = {}): Promise<TransferEndpoint> {
    const sizes = transferSizes({ sessions: this.sessions, blocks: 512 });
    const one = await TransferEndpoint.open({
      engine: Engine.create({ module: await plainEngine(), sizes, identity: CLIENT_IDENTITY }),
      transport: this.network.at(hostAt(name)),
      identity: this.identity(name),
      x25519: this.x25519,
      ...more,
    });
    this.opened.push(one);
    return one;
  }

  /** A session between 1 and 2, seen from both. */
  async pair(
    one: Partial<EndpointOptions> = {},
    two: Partial<EndpointOptions> = {},
  ): Promise<[TransferSession, TransferSession]> {
    const [caller, called] = [await this.endpoint(1, one), await this.endpoint(2, two)];
    const calling = caller.connect(this.identity(2).peerId, hostAt(2));
    return Promise.all([calling, next(called.incoming)]);
  }

  /** The datagrams that go while something is done, but for those that a test sends itself. */
  async capture(action: () => Promise<unknown>): Promise<Uint8Array[]> {
    const datagrams: Uint8Array[] = [];
    this.network.loses = (bytes) => {
      datagrams.push(bytes.slice());
      return false;
    };
    await action();
    this.network.loses = () => false;
    return datagrams;
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map((one) => one.close()));
  }
}
