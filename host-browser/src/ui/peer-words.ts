/** What the page says of the servers as peers of each other. */
import type { PeerView } from '../worker/views.ts';

/** What the lines of peerWords() are. */
export const PEER_TITLE = 'Verified peers; version, requests a second and age of its last status';

/** `24/24`, `20261121`, `12/s`, `3 s ago`: a line each, short enough for a small tile. */
export function peerWords({ verified, others, status }: PeerView): string[] {
  const peers = `${verified}/${others}`;
  if (status === undefined) return [peers, 'no status'];
  const { version, load, ageMs } = status;
  return [peers, version, `${load}/s`, `${Math.round(ageMs / 1000)} s ago`];
}

/** `25 of 25 know all their peers.` */
export function peersSummary(peers: readonly PeerView[]): string {
  const all = peers.filter(({ verified, others }) => verified === others).length;
  const versions = new Set(peers.flatMap(({ status }) => status?.version ?? []));
  const words = `${all} of ${peers.length} know all their peers`;
  return versions.size > 1 ? `${words}; ${versions.size} versions.` : `${words}.`;
}
