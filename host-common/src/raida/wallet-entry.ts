/**
 * One coin in a wallet, and what an answer of a server changes about it. All functions are pure: an
 * entry is never changed, it is replaced, so what was saved stays what was saved.
 *
 * Of each server the wallet knows one of:
 *
 * | state | bit in | what the server holds |
 * |---|---|---|
 * | settled | none | the AN (as far as anyone knows; the light tells whether it says so) |
 * | unknown | unknown | the AN or the proposed AN, which this wallet made |
 * | offered | offered | the AN: it said so. But a request with the proposal may still be under way
 *   and arrive later, so the proposal is kept, and the next change of ownership uses it again |
 * | foreign | foreign | the AN or the proposed AN, which came with the coin and is never sent |
 *
 * So there are never more than two candidates, and none is dropped before the server has named the
 * other in an answer that nothing under way can change.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import type { CoinAnswer, FindAnswer } from './answers.ts';
import { authenticationNumber, type CoinKeys } from './coin.ts';
import { type Grade, gradeCoin, type Light, QUORUM } from './grading.ts';
import { isLockerKey, newNumbers, type RandomSource } from './new-numbers.ts';

/** Bit r of a mask stands for the server with RAIDA id r. */
export const ALL_SERVERS = 2 ** RAIDA_COUNT - 1;

export interface WalletEntry extends CoinKeys {
  /** Names the entry in its wallet; never used again. */
  readonly id: number;
  readonly denomination: number;
  readonly serialNumber: number;
  readonly authenticationNumbers: Uint8Array;
  /** 400 bytes while any server is not settled; for a settled one the AN again. */
  readonly proposedNumbers?: Uint8Array;
  /** Servers whose AN this wallet has made itself. */
  readonly owned: number;
  readonly unknown: number;
  readonly offered: number;
  readonly foreign: number;
  /** 25 letters of `lightLetters`: the last opinion of each server. */
  readonly lights: string;
  /** Code of the locker that holds the coin, or is to; others may have it too. */
  readonly locker?: string;
  /** Unfinished change that the coin takes part in. */
  readonly change?: ChangePart;
}

export interface ChangePart {
  /** The same for all coins of one change: the id of the first coin that it makes. */
  readonly group: number;
  /** `given` coins go when the change is made, `made` coins when it is not. */
  readonly role: 'given' | 'made';
}

/**
 * `locker`: whoever has the code can take it. `change`: an unfinished change will consume it;
 * `made`: will have made it. The last two are the same money.
 */
export type CoinPlace = 'wallet' | 'locker' | 'change' | 'made';

/** How entries write lights. */
export const lightLetters: Readonly<Record<Light, string>> = {
  none: '-',
  pass: 'p',
  fail: 'f',
  error: 'e',
  refused: 'r',
  timeout: 't',
  unreachable: 'u',
};
const lightOfLetter = new Map(
  Object.entries(lightLetters).map(([light, letter]) => [letter, light as Light]),
);
const NO_LIGHTS = lightLetters.none.repeat(RAIDA_COUNT);

/** What others may see of an entry: no keys. */
export interface WalletCoin {
  id: number;
  denomination: number;
  serialNumber: number;
  /** 25, in order of RAIDA id. */
  lights: Light[];
  grade: Grade;
  /**
   * `pending`: a change of ownership, of which fewer than 13 servers are known to have the new AN
   * and some have not said what they hold. Until they do, the wallet keeps both.
   */
  state: 'settled' | 'pending';
  /** Servers that have not said which AN they hold. */
  openServers: number;
  /** At least 13 servers hold an AN that nobody but this wallet ever had. */
  owned: boolean;
  /** An operation on the coin is under way. */
  busy: boolean;
  place: CoinPlace;
}

export function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

export function parseLights(letters: string): Light[] {
  return Array.from(letters, (letter) => lightOfLetter.get(letter) ?? 'none');
}

/** Servers with two candidates. */
export function unsettled(entry: WalletEntry): number {
  return entry.unknown | entry.offered | entry.foreign;
}

/** Whether a server is sent new ANs: not before it has settled a foreign proposal. */
export function takesPart(entry: WalletEntry, raidaId: number): boolean {
  return ((entry.foreign >> raidaId) & 1) === 0;
}

/** Servers that are still to say which of two ANs they hold (also those that said: neither). */
export function unanswered(entry: WalletEntry): number {
  return entry.unknown | entry.foreign;
}

export function placeOf({ locker, change }: WalletEntry): CoinPlace {
  if (change) return change.role === 'given' ? 'change' : 'made';
  return locker === undefined ? 'wallet' : 'locker';
}

/** Servers that hold an AN which only this wallet ever had. */
function isOwned(entry: WalletEntry): boolean {
  return bitCount(entry.owned & ~entry.foreign) >= QUORUM;
}

export function viewOf(entry: WalletEntry, busy: boolean): WalletCoin {
  const { id, denomination, serialNumber } = entry;
  const lights = parseLights(entry.lights);
  const openServers = lights.filter(
    (light, raidaId) => light !== 'fail' && (unanswered(entry) >> raidaId) & 1,
  ).length;
  const renewed = RAIDA_COUNT - bitCount(unsettled(entry));
  return {
    id,
    denomination,
    serialNumber,
    lights,
    grade: gradeCoin(lights),
    state: openServers > 0 && renewed < QUORUM ? 'pending' : 'settled',
    openServers,
    owned: isOwned(entry),
    busy,
    place: placeOf(entry),
  };
}

/** An entry for a coin from elsewhere. Proposals that come with it are candidates like our own. */
export function newEntry(
  id: number,
  coin: CoinKeys & { proposedNumbers?: Uint8Array },
): WalletEntry {
  const { denomination, serialNumber, proposedNumbers } = coin;
  const authenticationNumbers = new Uint8Array(coin.authenticationNumbers);
  let foreign = 0;
  for (let raidaId = 0; proposedNumbers && raidaId < RAIDA_COUNT; raidaId++) {
    const proposed = authenticationNumber(proposedNumbers, raidaId);
    if (!equal(authenticationNumber(authenticationNumbers, raidaId), proposed)) {
      foreign |= 1 << raidaId;
    }
  }
  return {
    id,
    denomination,
    serialNumber,
    authenticationNumbers,
    ...(proposedNumbers && foreign ? { proposedNumbers: new Uint8Array(proposedNumbers) } : {}),
    owned: 0,
    unknown: 0,
    offered: 0,
    foreign,
    lights: NO_LIGHTS,
  };
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Both are candidates for the same coin with the same keys. */
export function sameKeys(
  a: Pick<WalletEntry, 'authenticationNumbers' | 'proposedNumbers'>,
  b: Pick<WalletEntry, 'authenticationNumbers' | 'proposedNumbers'>,
): boolean {
  const { authenticationNumbers: ans, proposedNumbers: pans = ans } = a;
  return (
    equal(ans, b.authenticationNumbers) && equal(pans, b.proposedNumbers ?? b.authenticationNumbers)
  );
}

/**
 * The entry before a change of ownership: new ANs for every settled server; the others get the
 * proposal they already have. To be saved before anything is sent.
 */
export function propose(entry: WalletEntry, random: RandomSource): WalletEntry {
  const proposedNumbers = newNumbers(random);
  for (let raidaId = 0; entry.proposedNumbers && raidaId < RAIDA_COUNT; raidaId++) {
    if (((unsettled(entry) >> raidaId) & 1) === 0) continue;
    const kept = authenticationNumber(entry.proposedNumbers, raidaId);
    authenticationNumber(proposedNumbers, raidaId).set(kept);
  }
  const { foreign } = entry;
  return { ...entry, proposedNumbers, unknown: ALL_SERVERS & ~foreign, offered: 0 };
}

/**
 * The entry with another candidate for one server, in the place of any that it had beside the AN.
 * To be saved before anything is sent.
 */
export function proposeAt(entry: WalletEntry, raidaId: number, number: Uint8Array): WalletEntry {
  const bit = 1 << raidaId;
  const proposedNumbers = new Uint8Array(entry.proposedNumbers ?? entry.authenticationNumbers);
  authenticationNumber(proposedNumbers, raidaId).set(number);
  return {
    ...entry,
    proposedNumbers,
    owned: entry.owned & ~bit,
    unknown: entry.unknown | bit,
    offered: entry.offered & ~bit,
    foreign: entry.foreign & ~bit,
  };
}

/** An entry under work: masks and lights can be changed in place, keys are copied before. */
class Draft {
  private entry: WalletEntry;
  private readonly lights: string[];

  constructor(entry: WalletEntry) {
    this.entry = entry;
    this.lights = Array.from(entry.lights);
  }

  light(raidaId: number, light: Light): void {
    this.lights[raidaId] = lightLetters[light];
  }

  private has(mask: number, raidaId: number): boolean {
    return ((mask >> raidaId) & 1) === 1;
  }

  /** The server holds the proposed AN: the other one is history. */
  holdsNew(raidaId: number): void {
    const { entry } = this;
    const bit = 1 << raidaId;
    if (!entry.proposedNumbers || !this.has(unsettled(entry), raidaId)) return;
    const authenticationNumbers = new Uint8Array(entry.authenticationNumbers);
    const proposed = authenticationNumber(entry.proposedNumbers, raidaId);
    authenticationNumber(authenticationNumbers, raidaId).set(proposed);
    const shared = this.has(entry.foreign, raidaId) || isLockerKey(proposed);
    const owned = shared ? entry.owned & ~bit : entry.owned | bit;
    this.entry = { ...this.settle(bit), authenticationNumbers, owned };
  }

  /** The server holds the AN. Our own proposal may still be under way to it; a foreign one goes. */
  holdsOld(raidaId: number): void {
    const { entry } = this;
    const bit = 1 << raidaId;
    if (this.has(entry.unknown, raidaId)) {
      this.entry = { ...entry, unknown: entry.unknown & ~bit, offered: entry.offered | bit };
    }
    if (!entry.proposedNumbers || !this.has(entry.foreign, raidaId)) return;
    const proposedNumbers = new Uint8Array(entry.proposedNumbers);
    const an = authenticationNumber(entry.authenticationNumbers, raidaId);
    authenticationNumber(proposedNumbers, raidaId).set(an);
    this.entry = { ...this.settle(bit), proposedNumbers };
  }

  private settle(bit: number): WalletEntry {
    const { unknown, offered, foreign } = this.entry;
    const masks = { unknown: unknown & ~bit, offered: offered & ~bit, foreign: foreign & ~bit };
    return { ...this.entry, ...masks };
  }

  done(): WalletEntry {
    const { locker, ...rest } = { ...this.entry, lights: this.lights.join('') };
    // Whoever else has the code can no longer take it.
    const entry = locker === undefined || isOwned(rest) ? rest : { ...rest, locker };
    if (unsettled(entry) !== 0) return entry;
    const { proposedNumbers: _, ...settled } = entry;
    return settled;
  }
}

/** The entry after detect: lights alone. `row`: an answer for each server. */
export function applyDetected(entry: WalletEntry, row: readonly CoinAnswer[]): WalletEntry {
  const draft = new Draft(entry);
  for (const [raidaId, { status }] of row.entries()) {
    if (status !== 'none') draft.light(raidaId, status);
  }
  return draft.done();
}

/**
 * The entry after pown. `pass`: the server holds the proposed AN. Everything else says only that
 * it may or may not: find tells. A `fail` is no light yet, since the server may hold the proposal.
 */
export function applyPowned(entry: WalletEntry, row: readonly CoinAnswer[]): WalletEntry {
  const draft = new Draft(entry);
  for (const [raidaId, { status }] of row.entries()) {
    if (status === 'none') continue;
    draft.light(raidaId, status === 'fail' ? 'none' : status);
    if (status === 'pass') draft.holdsNew(raidaId);
  }
  return draft.done();
}

/** The entry after find. `neither` keeps both candidates: a server may be wrong for a while. */
export function applyFound(entry: WalletEntry, row: readonly FindAnswer[]): WalletEntry {
  const draft = new Draft(entry);
  for (const [raidaId, { status }] of row.entries()) {
    if (status === 'none') continue;
    draft.light(raidaId, lightOfFound(status));
    if (status === 'an') draft.holdsOld(raidaId);
    if (status === 'pan') draft.holdsNew(raidaId);
  }
  return draft.done();
}

export function lightOfFound(status: FindAnswer['status']): Light {
  if (status === 'an' || status === 'pan') return 'pass';
  return status === 'neither' ? 'fail' : status;
}
