/** What the page's server says of the servers as peers of each other. */
import type { PeerView } from './views.ts';

const PEERS_MAX = 25;
const COUNT_MAX = 2 ** 40;
const VERSION = /^[0-9A-Za-z.+-]{1,32}$/;

/** Undefined: it says nothing, or what it says is no list of peers. */
export function peersIn(value: unknown): readonly PeerView[] | undefined {
  if (!Array.isArray(value) || value.length > PEERS_MAX) return undefined;
  const peers = value.flatMap((one) => peerIn(one) ?? []);
  const ids = new Set(peers.map(({ raidaId }) => raidaId));
  return ids.size === value.length ? peers : undefined;
}

function peerIn(value: unknown): PeerView | undefined {
  const { raidaId, verified, others, version, load, ageMs } = Object(value);
  if (![raidaId, verified, others].every(isCount)) return undefined;
  const peer = { raidaId, verified, others };
  if (version === undefined) return peer;
  const isStatus = typeof version === 'string' && VERSION.test(version);
  if (!isStatus || !isCount(load) || !isCount(ageMs)) return undefined;
  return { ...peer, status: { version, load, ageMs } };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= COUNT_MAX;
}
