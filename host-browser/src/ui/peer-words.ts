/** What the page says of the servers as peers of each other. */
import type { PeerRowView } from '../worker/peer/peer-messages.ts';
import type { PeerView } from '../worker/views.ts';

/** What the lines of peerWords() are. */
export const PEER_TITLE = 'Verified peers; version, requests a second and age of its last status';

/** `24/24`, `20261121`, `12/s`, `3 s ago`: a line each, short enough for a small tile. */
export function peerWords({ verified, others, status }: PeerView): string[] {
  return [`${verified}/${others}`, ...statusWords(status)];
}

/** `20261121`, `12/s`, `3 s ago`. */
export function statusWords(status: PeerView['status']): string[] {
  if (status === undefined) return ['no status'];
  const { version, load, ageMs } = status;
  return [version, `${load}/s`, `${Math.round(ageMs / 1000)} s ago`];
}

/** `25 of 25 verified.` */
export function ownPeersSummary(peers: readonly PeerRowView[]): string {
  if (peers.length === 0) return 'This page is connected to no peer.';
  const verified = peers.filter(({ state }) => state === 'verified').length;
  const failed = peers.filter(({ state }) => state === 'failed').length;
  const words = `${verified} of ${peers.length} verified`;
  return failed === 0 ? `${words}.` : `${words}, ${failed} failed.`;
}

/** `25 of 25 know all their peers.` */
export function peersSummary(peers: readonly PeerView[]): string {
  const all = peers.filter(({ verified, others }) => verified === others).length;
  const versions = new Set(peers.flatMap(({ status }) => status?.version ?? []));
  const words = `${all} of ${peers.length} know all their peers`;
  return versions.size > 1 ? `${words}; ${versions.size} versions.` : `${words}.`;
}
