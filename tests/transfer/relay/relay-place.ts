/** Relays for tests, and clients that say exactly what a test wants them to. */

import { nobleEd25519 } from '@andvari/host-common/ratatoskr/noble-ed25519';
import { identityOf, purposeSigner, relayData } from '@andvari/host-common/transfer/identity';
import {
  emitRelayFrame,
  emitRelayPacket,
  parseRelayFrame,
  RelayCommand,
  type RelayFrame,
} from '@andvari/host-common/transfer/relay/frames';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import {
  RelayServer,
  type RelayServerOptions,
} from '@andvari/host-node/transfer/relay/relay-server';
import { WebSocket } from 'ws';

const seedOf = (name: number) => new Uint8Array(32).fill(name);
/** Of the same names as udp-place.ts has. */
export const identity = (name: number) => identityOf(seedOf(name), nodeX25519);
export const signer = (name: number) => purposeSigner(nobleEd25519, seedOf(name));
export const peerId = (name: number) => identity(name).peerId;

/** A packet of this length, of this byte. */
export const packetOf = (length: number, byte = 0x5a) => new Uint8Array(length).fill(byte);

/** Waits until it is so; the test's own time ends a hang. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export class RelayPlace {
  readonly problems: unknown[] = [];
  private readonly closers: (() => unknown)[] = [];

  atEnd(close: () => unknown): void {
    this.closers.push(close);
  }

  /** In clear, on this machine. */
  async relay(
    options: Partial<RelayServerOptions> = {},
  ): Promise<{ relay: RelayServer; url: string }> {
    const relay = new RelayServer({
      listen: { host: '127.0.0.1', port: 0 },
      failed: (error) => this.problems.push(error),
      ...options,
    });
    const { host, port } = await relay.open();
    this.atEnd(() => relay.close());
    const protocol = options.certificate ? 'wss' : 'ws';
    return { relay, url: `${protocol}://${host}:${port}/relay` };
  }

  /** A client that has been asked, and has said nothing yet. */
  async stranger(url: string, headers: Record<string, string> = {}): Promise<TestClient> {
    const client = new TestClient(url, headers);
    this.atEnd(() => client.socket.terminate());
    await client.opened;
    return client;
  }

  /** One that has subscribed. */
  async client(url: string, name: number): Promise<TestClient> {
    const client = await this.stranger(url);
    await client.subscribe(name);
    await client.next();
    return client;
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }
}

/** One socket, with frames in the order in which they came. */
export class TestClient {
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly frames: RelayFrame[] = [];
  private taken = 0;

  constructor(url: string, headers: Record<string, string>) {
    const socket = new WebSocket(url, { headers });
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.on('open', () => resolve());
      socket.on('error', reject);
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on('message', (data) =>
      this.frames.push(parseRelayFrame(new Uint8Array(data as Buffer))),
    );
  }

  /** The next frame that has not been looked at. */
  async next(): Promise<RelayFrame> {
    const at = this.taken++;
    await until(() => this.frames.length > at);
    return this.frames[at] as RelayFrame;
  }

  say(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  /** Answers the relay's question, for this host, in the name of whom it likes. */
  async subscribe(
    name: number,
    { as = name, host = '127.0.0.1', challenge = null as Uint8Array | null } = {},
  ) {
    const asked = await this.next();
    const data = relayData(host, challenge ?? asked.payload);
    const signature = await (await signer(name)).sign('wraith-v1-relay-auth', data);
    this.say(emitRelayFrame(RelayCommand.SUBSCRIBE, peerId(as), signature));
  }

  send(to: number, packet: Uint8Array, hops = 0): void {
    this.say(emitRelayPacket(RelayCommand.SEND, { key: peerId(to), hops, packet }));
  }

  /** A PING, and what comes before its PONG: everything that was under way. */
  async flush(): Promise<RelayFrame[]> {
    const id = new TextEncoder().encode(String(++pings).padStart(8));
    this.say(emitRelayFrame(RelayCommand.PING, undefined, id));
    const before: RelayFrame[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.command === RelayCommand.PONG) return before;
      before.push(frame);
    }
  }
}
let pings = 0;
