/**
 * Datagrams of an endpoint through a relay. The far end of a peer is its key at this relay: the
 * second half of the key in the place of the address, which nobody else's key has, and the relay's
 * own number as the handle (far-end.ts).
 */
import { TRANSFER_PACKET_BYTES_MAX } from '../../engine/generated/limits.ts';
import { checkBytes, checkWhole, U32_MAX } from '../argument-checks.ts';
import { nameOf } from '../byte-strings.ts';
import type { Datagram, DatagramTransport } from '../datagram-transport.ts';
import { readFarEnd, writeFarEnd } from '../far-end.ts';
import { RELAY_KEY_BYTES } from './frames.ts';
import { RelayClient, type RelayClientEvents, type RelayClientOptions } from './relay-client.ts';

/** Peers whose whole key is known; whoever was not heard of for longest gives way. */
const PEERS_MAX = 4096;
/** Packets that an endpoint is shown at once. */
const BATCH = 64;
const ADDRESS_BYTES = 16;

export interface RelayDatagramsOptions extends RelayClientOptions {
  /** Tells this relay from others of the same endpoint, 1 and more [1]. */
  number?: number;
  events?: Omit<RelayClientEvents, 'packet'>;
}

type Sink = (datagrams: readonly Datagram[]) => void;

export class RelayDatagrams implements DatagramTransport {
  /** All that the engine makes: a message has no size that a path could refuse. */
  readonly maxDatagramBytes = TRANSFER_PACKET_BYTES_MAX;
  private readonly client: RelayClient;
  private readonly number: number;
  /** By the half of it that is in a far end, the one heard of last at the end. */
  private readonly peers = new Map<string, Uint8Array>();
  private sink: Sink = () => {};
  private waiting: Datagram[] = [];

  /** @throws TypeError, RangeError: an option that is none */
  constructor({ number = 1, events = {}, ...options }: RelayDatagramsOptions) {
    checkWhole('number', number, 1, U32_MAX);
    this.number = number;
    const { peerGone, notHere, changed } = events;
    this.client = new RelayClient(options, {
      packet: (from, packet) => this.receive(from, packet),
      peerGone: (peer) => peerGone?.(peer),
      notHere: (peer) => notHere?.(peer),
      changed: (status) => changed?.(status),
    });
  }

  /** Subscribed now: packets go. */
  get isOpen(): boolean {
    return this.client.isOpen;
  }

  /**
   * Where to call a peer (TransferEndpoint.connect).
   * @throws TypeError, RangeError: not 32 bytes
   */
  farEndOf(peerId: Uint8Array): Uint8Array<ArrayBuffer> {
    checkBytes('peerId', peerId, RELAY_KEY_BYTES);
    const address = peerId.subarray(RELAY_KEY_BYTES - ADDRESS_BYTES);
    const name = nameOf(address);
    const known = this.peers.get(name);
    this.peers.delete(name);
    this.peers.set(name, known && nameOf(known) === nameOf(peerId) ? known : peerId.slice());
    for (const oldest of this.peers.keys()) {
      if (this.peers.size <= PEERS_MAX) break;
      this.peers.delete(oldest);
    }
    return writeFarEnd({ address, port: 0, handle: this.number });
  }

  /** The key of a peer at a far end; undefined: it is another relay's, or was not heard of. */
  peerAt(farEnd: Uint8Array): Uint8Array | undefined {
    const { address, handle } = readFarEnd(farEnd);
    return handle === this.number ? this.peers.get(nameOf(address)) : undefined;
  }

  /** The network here is another one: is the relay still there? */
  networkChanged(): void {
    this.client.networkChanged();
  }

  /** @throws what RelayClient.open() does: there is no relay */
  async open(sink: Sink): Promise<void> {
    this.sink = sink;
    await this.client.open();
  }

  send(datagrams: readonly Datagram[]): void {
    for (const { bytes, farEnd } of datagrams) {
      const peer = this.peerAt(farEnd);
      if (peer) this.client.send(peer, bytes);
    }
  }

  close(): void {
    this.sink = () => {};
    this.client.close();
  }

  /** What comes in one turn is shown together. */
  private receive(from: Uint8Array, bytes: Uint8Array): void {
    if (this.waiting.length === 0) queueMicrotask(() => this.flush());
    this.waiting.push({ bytes, farEnd: this.farEndOf(from) });
    if (this.waiting.length >= BATCH) this.flush();
  }

  private flush(): void {
    const batch = this.waiting;
    this.waiting = [];
    if (batch.length > 0) this.sink(batch);
  }
}
