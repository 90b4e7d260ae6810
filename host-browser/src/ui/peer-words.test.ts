import { expect, it } from 'vitest';
import {
  ownPeersSummary,
  peersSummary,
  peerWords,
  rootGroups,
  rootsSummary,
} from './peer-words.ts';

const quiet = { raidaId: 3, verified: 7, others: 24 };
const countRoot = '3fa1b2c4'.padEnd(64, '0');
const status = { version: '20261121', countRoot, load: 12, ageMs: 3400 };
const heard = { raidaId: 4, verified: 24, others: 24, status };

it('says of a server what its peers know', () => {
  const texts = (peer: typeof heard | typeof quiet) => peerWords(peer).map(({ text }) => text);
  expect(texts(heard)).toEqual(['24/24', '20261121', '3fa1b2c4', '12/s', '3 s ago']);
  expect(texts(quiet)).toEqual(['7/24', 'no status']);
  const wholes = peerWords(heard).flatMap(({ whole }) => whole ?? []);
  expect(wholes).toEqual([{ name: 'coin count root', text: countRoot }]);
});

it('sums up who knows all, and whether they have one version', () => {
  expect(peersSummary([quiet, heard])).toBe('1 of 2 know all their peers.');
  const other = { ...heard, status: { ...status, version: '2' } };
  expect(peersSummary([heard, other])).toBe('2 of 2 know all their peers; 2 versions.');
});

it('sums up who tells of the same coin counts, and nobody who has told none', () => {
  const of = (raidaId: number, root: string) => {
    return { ...heard, raidaId, status: { ...status, countRoot: root } };
  };
  const groups = rootGroups([quiet, of(4, 'b'), of(6, 'a'), of(5, 'a'), { status }]);
  expect(groups).toEqual([
    { countRoot: 'a', raidaIds: [5, 6] },
    { countRoot: 'b', raidaIds: [4] },
  ]);
  expect(rootsSummary(groups)).toBe('2 coin count roots on 3 servers');
  expect(rootsSummary(groups.slice(1))).toBe('1 coin count root on 1 server');
  expect(rootGroups([quiet])).toEqual([]);
  expect(peersSummary([of(4, 'b'), of(5, 'a')])).toBe(
    '2 of 2 know all their peers; 2 coin count roots.',
  );
});

it('sums up whom this page has verified', () => {
  const peer = { peerId: '12D3', address: '/ws', why: '', heard: 0 };
  expect(ownPeersSummary([])).toBe('This page is connected to no peer.');
  const verified = { ...peer, state: 'verified' as const };
  expect(ownPeersSummary([verified, { ...peer, state: 'connecting' }])).toBe('1 of 2 verified.');
  const failed = { ...peer, state: 'failed' as const };
  expect(ownPeersSummary([verified, failed])).toBe('1 of 2 verified, 1 failed.');
});
