/** Peers as a user types them. */
import { webSocketUrl } from '@andvari/host-common/peer/peer-address';
import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import { WorkerFailure } from '../messages.ts';
import type { PeerConnect, PeerWords } from './peer-messages.ts';

/** A peer to connect to. */
export interface PeerTarget {
  readonly peerId: string;
  readonly address: string;
  /** Its instance key, 32 bytes. */
  readonly key: Uint8Array;
  /** NETWORK/INSTANCE. */
  readonly network: string;
  /** Of a server of the page's network. */
  readonly raidaId?: number;
}

const NETWORK = /^[0-9A-Za-z._-]{1,48}\/[0-9A-Za-z._-]{1,48}$/;

/** Throws WorkerFailure ANDVARI_PEER_WORDS: one sentence on what is wrong with the first. */
export function readTargets(words: PeerConnect): PeerTarget[] {
  return words.peers.map((peer) => {
    const address = peer.address.trim();
    const target = {
      ...{
        address,
        peerId: readPeerId(address),
        key: readKey(peer.key),
        network: readNetwork(peer),
      },
    };
    const node = words.offered?.nodes.find((one) => one.address === address);
    if (node !== undefined) return { ...target, raidaId: node.raidaId };
    refuseUnreachable(address, words);
    return target;
  });
}

function readPeerId(address: string): string {
  const peerId = address.split('/p2p/')[1] ?? '';
  try {
    peerIdBytes(peerId);
  } catch {
    throw wrong('The address ends with the id of the peer: …/ws/p2p/12D3KooW….');
  }
  if (webSocketUrl(address) !== undefined) return peerId;
  throw wrong(
    'A browser reaches peers by WebSocket alone: /ip4/127.0.0.1/tcp/4002/ws/p2p/12D3KooW…, or ' +
      '/dns4/peer.example/tcp/443/tls/ws/p2p/12D3KooW….',
  );
}

function readKey(text: string): Uint8Array {
  const hex = text.trim().toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw wrong('The key of a peer has 64 hex digits.');
  return Uint8Array.from(hex.match(/../g) ?? [], (two) => Number.parseInt(two, 16));
}

function readNetwork({ network }: PeerWords): string {
  const trimmed = network.trim();
  if (NETWORK.test(trimmed)) return trimmed;
  throw wrong('The network of a peer is NETWORK/INSTANCE, such as andvari/main.');
}

/** The browser would say no more than that it did not connect. */
function refuseUnreachable(address: string, { reachable }: PeerConnect): void {
  const url = webSocketUrl(address) ?? '';
  if (reachable === undefined || reachable.some((one) => covers(one, url))) return;
  throw wrong(
    'The Content-Security-Policy of this page names no such address. With ' +
      `andvari network up --connect ${url} whoever runs its server allows it.`,
  );
}

/** Nothing is below the path of a peer's WebSocket, which is `/`. */
function covers(allowed: string, url: string): boolean {
  return URL.canParse(allowed) && new URL(allowed).href === url;
}

function wrong(text: string): WorkerFailure {
  return new WorkerFailure('ANDVARI_PEER_WORDS', text);
}
