/** What the page's server says of the servers as peers of each other, and of the page. */
import { webSocketUrl } from '@andvari/host-common/peer/peer-address';
import type { PeerNetworkView, PeerNodeView, PeerStatusView, PeerView } from './views.ts';

/** What a server tells of itself. */
export type PeerStatus = Omit<PeerStatusView, 'ageMs'>;

const PEERS_MAX = 25;
const STATUS_BYTES_MAX = 512;
const COUNT_MAX = 2 ** 40;
const PART = /^[0-9A-Za-z._-]{1,48}$/;
/** Instance keys and roots. */
const HEX_32_BYTES = /^[0-9a-f]{64}$/;
const PEER_ID = /\/p2p\/[1-9A-HJ-NP-Za-km-z]{46,64}$/;
const VERSION = /^[0-9A-Za-z.+-]{1,32}$/;

/** Undefined: it says nothing, or what it says is no list of peers. */
export function peersIn(value: unknown): readonly PeerView[] | undefined {
  if (!Array.isArray(value) || value.length > PEERS_MAX) return undefined;
  const peers = value.flatMap((one) => peerIn(one) ?? []);
  const ids = new Set(peers.map(({ raidaId }) => raidaId));
  return ids.size === value.length ? peers : undefined;
}

function peerIn(value: unknown): PeerView | undefined {
  const { raidaId, verified, others, version, ageMs } = Object(value);
  if (![raidaId, verified, others].every(isCount)) return undefined;
  const peer = { raidaId, verified, others };
  if (version === undefined) return peer;
  const status = toldIn(value);
  return status && isCount(ageMs) ? { ...peer, status: { ...status, ageMs } } : undefined;
}

/** What is the same in both places where a status comes from. */
function toldIn(value: unknown): PeerStatus | undefined {
  const { version, countRoot, load } = Object(value);
  const isStatus = typeof version === 'string' && VERSION.test(version) && isCount(load);
  return isStatus && isHex32Bytes(countRoot) ? { version, countRoot, load } : undefined;
}

/** Undefined: there are none that the page can meet, or what it says is no list of them. */
export function peerNetworkIn(value: unknown): PeerNetworkView | undefined {
  const { networkName, instanceId, nodes } = Object(value);
  const isList = Array.isArray(nodes) && nodes.length > 0 && nodes.length <= PEERS_MAX;
  if (!isList || !isPart(networkName) || !isPart(instanceId)) return undefined;
  if (!nodes.every(isNode)) return undefined;
  const known = nodes.map(({ raidaId, address, key }) => ({ raidaId, address, key }));
  return { networkName, instanceId, nodes: known };
}

function isNode(value: unknown): value is PeerNodeView {
  const { raidaId, address, key } = Object(value);
  if (typeof address !== 'string') return false;
  const isAddress = PEER_ID.test(address) && webSocketUrl(address) !== undefined;
  return isCount(raidaId) && isAddress && isHex32Bytes(key);
}

function isPart(value: unknown): value is string {
  return typeof value === 'string' && PART.test(value);
}

/**
 * What a server tells its peers of itself (andvari/status/1); undefined for what is none, or is of
 * another server.
 */
export function statusIn(bytes: Uint8Array, raidaId: number): PeerStatus | undefined {
  if (bytes.length > STATUS_BYTES_MAX) return undefined;
  try {
    const told: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Object(told).raida === raidaId ? toldIn(told) : undefined;
  } catch {
    return undefined;
  }
}

function isHex32Bytes(value: unknown): value is string {
  return typeof value === 'string' && HEX_32_BYTES.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= COUNT_MAX;
}
