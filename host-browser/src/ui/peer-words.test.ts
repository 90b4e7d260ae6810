import { expect, it } from 'vitest';
import { ownPeersSummary, peersSummary, peerWords } from './peer-words.ts';

const quiet = { raidaId: 3, verified: 7, others: 24 };
const status = { version: '20261121', load: 12, ageMs: 3400 };
const heard = { raidaId: 4, verified: 24, others: 24, status };

it('says of a server what its peers know', () => {
  expect(peerWords(heard)).toEqual(['24/24', '20261121', '12/s', '3 s ago']);
  expect(peerWords(quiet)).toEqual(['7/24', 'no status']);
});

it('sums up who knows all, and whether they have one version', () => {
  expect(peersSummary([quiet, heard])).toBe('1 of 2 know all their peers.');
  const other = { ...heard, status: { ...status, version: '2' } };
  expect(peersSummary([heard, other])).toBe('2 of 2 know all their peers; 2 versions.');
});

it('sums up whom this page has verified', () => {
  const peer = { peerId: '12D3', address: '/ws', why: '', heard: 0 };
  expect(ownPeersSummary([])).toBe('This page is connected to no peer.');
  const verified = { ...peer, state: 'verified' as const };
  expect(ownPeersSummary([verified, { ...peer, state: 'connecting' }])).toBe('1 of 2 verified.');
  const failed = { ...peer, state: 'failed' as const };
  expect(ownPeersSummary([verified, failed])).toBe('1 of 2 verified, 1 failed.');
});
