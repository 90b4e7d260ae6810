/**
 * Broadcasts by gossipsub. It sees verified peers only: streams and connections of others are held
 * back until they are, or gone. Each message is asked about at the gate. Reference: peer section 7.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { equalBytes, joined } from '../transfer/byte-strings.ts';
import type { PeerCodec } from './codec.ts';
import type { GateAnswer, PeerGate } from './gate.ts';
import type {
  GossipVerdict,
  Libp2pConnection,
  Libp2pGossip,
  Libp2pGossipMessage,
  Libp2pPeerId,
  Libp2pRegistrar,
  Libp2pStreamHandler,
  Libp2pTopology,
} from './libp2p.ts';
import type { ProtocolMessage } from './messages.ts';
import type { PeerClock } from './peer-clock.ts';
import type { PeerEvents } from './peer-events.ts';
import type { LinkedPeer, PeerLinks } from './peer-links.ts';

/** A frame may carry several messages, of which each has its own bound of 64 KiB. */
const FRAME_BYTES_MAX = 2 ** 20;
/** A peer id and a number of 64 bits. */
const FAST_BYTES_MAX = 128;
/** What is held back of one peer: a stream and a connection for each version of gossipsub. */
const HELD_MAX = 8;
/** In which gossipsub notices that a connection's streams have ended. */
const RESUME_MS = 100;

export interface GossipServices {
  gate: PeerGate;
  codec: PeerCodec;
  clock: PeerClock;
  events: PeerEvents;
  /** 38 bytes. */
  ownId: Uint8Array;
  nextMessageId(): bigint;
}

/** The networks' topics are hashed: base64 of SHA-256 over the protobuf { 1: name }. */
export function topicOf(name: string): string {
  const text = new TextEncoder().encode(name);
  const digest = sha256(joined(Uint8Array.of(0x0a, text.length), text));
  return btoa(String.fromCharCode(...digest));
}

export class PeerGossip {
  private readonly services: GossipServices;
  private readonly links: PeerLinks;
  private readonly topic: string;
  private readonly topologies = new Map<string, Libp2pTopology>();
  private readonly held = new WeakMap<LinkedPeer, (() => void)[]>();
  /** What the validator has read, for whoever is told next. */
  private readonly opened = new WeakMap<Libp2pGossipMessage, Opened>();
  private readonly forwards: boolean;
  /** Beyond what a peer may send. */
  dropped = 0;
  private gossip: Libp2pGossip | undefined;

  /** `name`: at most 127 bytes; `forwards`: what comes is passed on. */
  constructor(
    services: GossipServices,
    links: PeerLinks,
    { name, forwards }: { name: string; forwards: boolean },
  ) {
    this.services = services;
    this.links = links;
    this.topic = topicOf(name);
    this.forwards = forwards;
  }

  options(): Record<string, unknown> {
    return {
      allowedTopics: [this.topic],
      allowPublishToZeroTopicPeers: true,
      canRelayMessage: false,
      D: 4,
      Dhi: 8,
      Dlazy: 3,
      Dlo: 2,
      doPX: false,
      emitSelf: false,
      fallbackToFloodsub: false,
      // Known before its signature is verified: a message that comes again costs nothing.
      fastMsgIdFn: fastMessageId,
      floodPublish: true,
      globalSignaturePolicy: 'StrictSign',
      heartbeatInterval: 1000,
      maxInboundDataLength: FRAME_BYTES_MAX,
      maxOutboundBufferSize: 4 * FRAME_BYTES_MAX,
      mcacheGossip: 3,
      mcacheLength: 10,
      // Whoever has gone is forgotten: the bans are the gate's.
      scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, retainScore: 0 },
      tagMeshPeers: false,
    };
  }

  /** libp2p's registrar, as gossipsub is to see it. */
  registrar(inner: Libp2pRegistrar): Libp2pRegistrar {
    return {
      handle: (protocol, handler, options) =>
        inner.handle(protocol, this.afterVerified(handler), options),
      unhandle: (protocol) => inner.unhandle(protocol),
      register: async (protocol, topology) => {
        const id = await inner.register(protocol, this.verifiedOnly(topology));
        this.topologies.set(id, topology);
        return id;
      },
      unregister: (id) => {
        this.topologies.delete(id);
        inner.unregister(id);
      },
      getTopologies: (protocol) => inner.getTopologies(protocol),
    };
  }

  start(gossip: Libp2pGossip): void {
    this.gossip = gossip;
    gossip.topicValidators.set(this.topic, (from, message) => this.judge(from, message));
    gossip.addEventListener('message', ({ detail }) => this.deliver(detail));
    gossip.subscribe(this.topic);
  }

  /** Who is verified gets every message. */
  admit(peer: LinkedPeer): void {
    this.gossip?.direct.add(peer.text);
    const held = this.held.get(peer) ?? [];
    this.held.delete(peer);
    for (const run of held) run();
  }

  /** Its streams may have ended with a connection: gossipsub itself looks for that in 300 s. */
  resume(peer: LinkedPeer): void {
    this.services.clock.after(RESUME_MS, () => {
      const { connection } = this.links.openLink(peer) ?? {};
      if (!peer.proved || !connection) return;
      for (const topology of this.topologies.values()) {
        void topology.onConnect?.(peer.remote, lasting(connection));
      }
    });
  }

  /** libp2p itself tells it only of peers that are still in its peer store. */
  release(peer: LinkedPeer): void {
    this.gossip?.direct.delete(peer.text);
    this.held.delete(peer);
    for (const topology of this.topologies.values()) void topology.onDisconnect?.(peer.remote);
  }

  /** Throws RangeError or TypeError for what is no message of at most 64 KiB, all included. */
  async broadcast(
    protocol: string,
    payload: Uint8Array,
    roundId: number,
  ): Promise<{ messageId: bigint; peers: number }> {
    const { codec, ownId } = this.services;
    const messageId = this.services.nextMessageId();
    const message = { protocol, messageId, roundId, sender: ownId, payload };
    const data = codec.encodeMessage(message, 'broadcast');
    const sent = await this.gossip?.publish(this.topic, data);
    return { messageId, peers: sent?.recipients.length ?? 0 };
  }

  private judge(from: Libp2pPeerId, message: Libp2pGossipMessage): GossipVerdict {
    const { gate, codec, clock } = this.services;
    const neighbour = this.links.peer(from.toString());
    const [link] = neighbour?.links ?? [];
    if (!link || message.type !== 'signed' || !message.from) return 'reject';
    const author = message.from.toMultihash().bytes;
    const counted = gate.countGossip(link.handle, author, clock.nowMs());
    if (counted === 'RATE_LIMITED' || counted === 'BANNED') return this.drop(counted);
    const opened = codec.openMessage(message.data, 'broadcast');
    if (!opened.ok) return 'reject';
    const routing = { from: author, sender: opened.message.sender };
    const answer = gate.receiveGossip(link.handle, routing, clock.nowMs());
    // Its neighbour cannot know whom we have verified: not to be held against him.
    if (answer === 'NOT_VERIFIED' || answer === 'OWN_ID') return 'ignore';
    if (answer !== 'OK') return 'reject';
    // Mostly it is his own: its text is there already.
    const isOwn = neighbour && equalBytes(author, neighbour.id);
    const peerId = isOwn ? neighbour.text : message.from.toString();
    this.opened.set(message, { ...opened.message, peerId });
    if (this.forwards) return 'accept';
    // gossipsub delivers only what it forwards too.
    this.deliver(message);
    return 'ignore';
  }

  /** It is not held against the neighbour besides: who sends far too much is banned. */
  private drop(counted: GateAnswer): GossipVerdict {
    this.dropped++;
    if (counted === 'BANNED') this.links.settle();
    return 'ignore';
  }

  private deliver(message: Libp2pGossipMessage): void {
    const opened = this.opened.get(message);
    if (!opened) return;
    const { peerId, protocol, messageId, roundId, payload } = opened;
    this.services.events.emit('message', {
      peerId,
      kind: 'broadcast',
      protocol,
      messageId,
      roundId,
      payload,
      metadata: null,
    });
  }

  private afterVerified(handler: Libp2pStreamHandler): Libp2pStreamHandler {
    return (stream, connection) => {
      const isHeld = this.whenVerified(connection, () => {
        if (stream.status === 'open') void handler(stream, lasting(connection));
      });
      if (!isHeld) stream.abort(new Error('no such peer is known'));
    };
  }

  private verifiedOnly(topology: Libp2pTopology): Libp2pTopology {
    return {
      ...topology,
      onConnect: (peer, connection) => {
        this.whenVerified(connection, () => {
          void topology.onConnect?.(peer, lasting(connection));
        });
      },
      // It comes late: who is here again stays.
      onDisconnect: (peer) => {
        if (!this.links.peer(peer.toString())) void topology.onDisconnect?.(peer);
      },
    };
  }

  /** False: the connection is not known, or too much is held back of its peer. */
  private whenVerified(connection: Libp2pConnection, run: () => void): boolean {
    const peer = this.links.linkOf(connection)?.peer;
    if (!peer) return false;
    if (peer.proved) {
      run();
      return true;
    }
    const held = this.held.get(peer) ?? [];
    if (held.length >= HELD_MAX) return false;
    this.held.set(peer, [...held, run]);
    return true;
  }
}

/**
 * The connection as gossipsub is to have it: gossipsub would keep a stream for ever that has ended
 * while it was opened, and open no other one when the peer comes again.
 */
function lasting(connection: Libp2pConnection): Libp2pConnection {
  const newStream: Libp2pConnection['newStream'] = async (protocols, options) => {
    const stream = await connection.newStream(protocols, options);
    if (stream.status !== 'open') throw new Error('the stream has ended already');
    return stream;
  };
  return new Proxy(connection, {
    get: (target, name) => (name === 'newStream' ? newStream : Reflect.get(target, name, target)),
  });
}

interface Opened extends ProtocolMessage {
  /** Of whoever wrote it. */
  peerId: string;
}

interface RawGossipMessage {
  from?: Uint8Array | null;
  seqno?: Uint8Array | null;
}

function fastMessageId({ from, seqno }: RawGossipMessage): string {
  const length = (from?.length ?? 0) + (seqno?.length ?? 0);
  // No valid message has such ones, and invalid ones are not remembered.
  if (length > FAST_BYTES_MAX) return '';
  return String.fromCharCode(...(from ?? []), ...(seqno ?? []));
}
