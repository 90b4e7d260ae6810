import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALL_SERVERS, lightLetters, type WalletEntry } from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';
import { checkEntry, emitWalletEntry, parseWalletEntry } from './wallet-record.ts';

const keys = fc.uint8Array({ minLength: 400, maxLength: 400 });
const letters = fc.constantFrom(...Object.values(lightLetters));

/** Entries that a wallet can have: each server in one state, proposals if any is not settled. */
const anyEntry: fc.Arbitrary<WalletEntry> = fc
  .record({
    id: fc.integer({ min: 1, max: 0xffffffff }),
    denomination: fc.integer({ min: -8, max: 6 }),
    serialNumber: fc.integer({ min: 0, max: 0xffffffff }),
    authenticationNumbers: keys,
    proposedNumbers: keys,
    owned: fc.integer({ min: 0, max: ALL_SERVERS }),
    states: fc.array(fc.nat(3), { minLength: 25, maxLength: 25 }),
    lights: fc.array(letters, { minLength: 25, maxLength: 25 }).map((list) => list.join('')),
    place: fc.oneof(
      fc.constant({}),
      fc.constant({ locker: 'K7QM-2XRA-9TWE-5HDB-3C7G' }),
      fc.record({
        change: fc.record({
          group: fc.integer({ min: 1, max: 0xffffffff }),
          role: fc.constantFrom('given' as const, 'made' as const),
        }),
      }),
    ),
  })
  .map(({ states, proposedNumbers, place, ...rest }) => {
    const mask = (state: number) =>
      states.reduce((bits, one, raidaId) => bits | (one === state ? 1 << raidaId : 0), 0);
    const masks = { unknown: mask(1), offered: mask(2), foreign: mask(3) };
    const open = states.some((state) => state !== 0);
    return { ...rest, ...place, ...masks, ...(open ? { proposedNumbers } : {}) };
  });

function example(): WalletEntry {
  return {
    id: 1,
    denomination: 0,
    serialNumber: 5,
    authenticationNumbers: new Uint8Array(400).fill(1),
    proposedNumbers: new Uint8Array(400).fill(2),
    owned: 0,
    unknown: 1,
    offered: 2,
    foreign: 4,
    lights: '-'.repeat(25),
  };
}

function refuses(bytes: Uint8Array): void {
  expect(() => parseWalletEntry(bytes)).toThrow(WalletError);
}

describe('wallet records', () => {
  test('what is written is read again', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const bytes = emitWalletEntry(entry);
        const placed = entry.locker !== undefined || entry.change !== undefined;
        expect(bytes.length).toBe((entry.proposedNumbers ? 851 : 451) + (placed ? 25 : 0));
        expect(bytes[0]).toBe(placed ? 2 : 1);
        expect(parseWalletEntry(bytes)).toEqual(entry);
      }),
    );
  });

  test('cut at every length, and one byte too long', () => {
    const bytes = emitWalletEntry(example());
    for (let length = 0; length < bytes.length; length++) refuses(bytes.slice(0, length));
    refuses(new Uint8Array([...bytes, 0]));
  });

  test.each([
    ['version', 0, 3],
    ['version for its length', 0, 2],
    ['id 0', 4, 0],
    ['denomination', 5, 7],
    ['mask', 10, 2],
    ['two states of one server', 17, 3],
    ['light', 26, 0x78],
  ])('an impossible %s', (_, offset, value) => {
    const bytes = emitWalletEntry(example());
    bytes[offset] = value;
    refuses(bytes);
  });

  test.each([
    ['kind', 451, 4],
    ['locker code', 452, 0x2d],
  ])('a place with an impossible %s', (_, offset, value) => {
    const bytes = emitWalletEntry({ ...example(), locker: 'K7QM-2XRA-9TWE-5HDB-3C7G' });
    bytes[offset] = value;
    refuses(bytes);
  });

  test('a change without a number, and a coin in two places', () => {
    refuses(emitWalletEntry({ ...example(), change: { group: 0, role: 'given' } }));
    const change = { group: 1, role: 'made' } as const;
    expect(() => checkEntry({ ...example(), change, locker: 'K7QM-2XRA-9TWE-5HDB-3C7G' })).toThrow(
      WalletError,
    );
  });

  test('proposals without need, and need without proposals', () => {
    const { proposedNumbers: _, ...bare } = example();
    refuses(emitWalletEntry(bare));
    refuses(emitWalletEntry({ ...example(), unknown: 0, offered: 0, foreign: 0 }));
  });

  test('changed bytes give an entry or a WalletError without keys in it', () => {
    const bytes = emitWalletEntry({ ...example(), lights: 'p'.repeat(25) });
    fc.assert(
      fc.property(fc.nat(450), fc.nat(255), (offset, value) => {
        const copy = new Uint8Array(bytes);
        copy[offset] = value;
        try {
          parseWalletEntry(copy);
        } catch (error) {
          expect(error).toBeInstanceOf(WalletError);
          expect((error as WalletError).code).toBe('ANDVARI_WALLET_STATE');
        }
      }),
    );
  });
});
