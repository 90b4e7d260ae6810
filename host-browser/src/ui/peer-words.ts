/** What the page says of the servers as peers of each other. */
import type { PeerRowView } from '../worker/peer/peer-messages.ts';
import type { PeerStatusView, PeerView } from '../worker/views.ts';
import { countOf } from './format.ts';

/** What the lines of peerWords() are. */
export const PEER_TITLE =
  'Verified peers; version, coin count root, requests a second and age of its last status';
/** The first digits of a root, as in the terminal's table. */
const ROOT_DIGITS = 8;

/** A line of a tile. */
export interface TileLine {
  readonly text: string;
  /** Its name, for those who do not see where it stands, and all of what the text begins. */
  readonly whole?: { readonly name: string; readonly text: string };
}

/** `24/24`, and the lines of statusWords(). */
export function peerWords({ verified, others, status }: PeerView): TileLine[] {
  return [{ text: `${verified}/${others}` }, ...statusWords(status)];
}

/** `20261121`, `3fa1b2c4`, `12/s`, `3 s ago`: a line each, short enough for a small tile. */
export function statusWords(status: PeerStatusView | undefined): TileLine[] {
  if (status === undefined) return [{ text: 'no status' }];
  const { version, countRoot, load, ageMs } = status;
  const whole = { name: 'coin count root', text: countRoot };
  return [
    { text: version },
    { text: countRoot.slice(0, ROOT_DIGITS), whole },
    { text: `${load}/s` },
    { text: `${Math.round(ageMs / 1000)} s ago` },
  ];
}

/** Servers that tell of the same coin counts. */
export interface RootGroup {
  readonly countRoot: string;
  /** Ascending. */
  readonly raidaIds: readonly number[];
}

/** A server that may have told a status. */
export type RootTeller = Partial<Pick<PeerView, 'raidaId' | 'status'>>;

/** What each server that has told a status says of its coin counts; what most say comes first. */
export function rootGroups(peers: readonly RootTeller[]): RootGroup[] {
  const groups = new Map<string, number[]>();
  for (const { raidaId, status } of peers) {
    if (raidaId === undefined || status === undefined) continue;
    const { countRoot } = status;
    groups.set(countRoot, [...(groups.get(countRoot) ?? []), raidaId]);
  }
  return [...groups]
    .map(([countRoot, raidaIds]) => ({ countRoot, raidaIds: raidaIds.sort((a, b) => a - b) }))
    .sort((a, b) => b.raidaIds.length - a.raidaIds.length);
}

/** `1 coin count root on 25 servers`. */
export function rootsSummary(groups: readonly RootGroup[]): string {
  const servers = groups.reduce((sum, { raidaIds }) => sum + raidaIds.length, 0);
  return `${countOf(groups.length, 'coin count root')} on ${countOf(servers, 'server')}`;
}

/** `25 of 25 verified.` */
export function ownPeersSummary(peers: readonly PeerRowView[]): string {
  if (peers.length === 0) return 'This page is connected to no peer.';
  const verified = peers.filter(({ state }) => state === 'verified').length;
  const failed = peers.filter(({ state }) => state === 'failed').length;
  const words = `${verified} of ${peers.length} verified`;
  return failed === 0 ? `${words}.` : `${words}, ${failed} failed.`;
}

/** `25 of 25 know all their peers.`, and where their versions or coin counts differ. */
export function peersSummary(peers: readonly PeerView[]): string {
  const all = peers.filter(({ verified, others }) => verified === others).length;
  const versions = new Set(peers.flatMap(({ status }) => status?.version ?? []));
  const roots = rootGroups(peers).length;
  const words = [`${all} of ${peers.length} know all their peers`];
  if (versions.size > 1) words.push(`${versions.size} versions`);
  if (roots > 1) words.push(countOf(roots, 'coin count root'));
  return `${words.join('; ')}.`;
}
