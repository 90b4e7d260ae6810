/**
 * Lockers: coins that wait on the servers for whoever has the code (locker-code.ts). The keys are
 * in the ledger before any coin gets them for its ANs, and so is the code.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import type { CoinAnswer } from './answers.ts';
import { authenticationNumber, type Coin, coinNumber, coinValueUnits, KEYS_BYTES } from './coin.ts';
import { openDigests } from './digests.ts';
import { gradeCoin, QUORUM } from './grading.ts';
import { lockerKeys, newLockerCode, parseLockerCode } from './locker-code.ts';
import type { RandomSource } from './new-numbers.ts';
import { passed } from './outcome.ts';
import {
  applyPowned,
  equal,
  newEntry,
  parseLights,
  unanswered,
  unsettled,
  viewOf,
  type WalletEntry,
} from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';
import { asLights, groupsOf, indicesWhere } from './wallet-groups.ts';
import { indicesOfMask, inLocker, type Ownership } from './wallet-ownership.ts';
import { operation, type WalletQuestions } from './wallet-questions.ts';
import { type StepOptions, stagesOf, type WalletOperationOptions } from './wallet-stage.ts';

export interface LockOptions extends WalletOperationOptions {
  /**
   * Of newLockerCode(): for whoever has to store the code before any coin moves, or goes on with an
   * earlier lock() that was cut off. Coins may be in this locker, or on their way, already: servers
   * are asked what they hold, and those that have not got the key are sent it again [a new one].
   */
  code?: string;
}

export interface LockResult {
  /** What the receiver needs; of no use if `locked` is empty. */
  code: string;
  /** Ids of coins that at least 13 servers have in the locker. */
  locked: number[];
  /** Too few servers have said so yet: resolvePending() asks them again. */
  pending: number[];
  /** Too few servers took them: they are back in the wallet, with new ANs. */
  returned: number[];
}

/** A coin in a locker. */
export interface LockerCoin extends Coin {
  /** Servers that have it there; from 13 on it can be taken. */
  servers: number;
}

export interface LockerContents {
  coins: LockerCoin[];
  /** Servers that answered. */
  answered: number;
  /** None of them knows the locker. */
  empty: boolean;
}

export interface UnlockResult {
  /** Ids of coins that are this wallet's alone now. */
  taken: number[];
  /** Too few servers have said so yet: resolvePending() asks them again. */
  pending: number[];
  /** Somebody else was faster, or the servers changed their mind. */
  missed: number[];
  /** Coins that fewer than 13 servers have in the locker: left alone. */
  left: LockerCoin[];
}

/** A locker with coins that this wallet knows. */
export interface LockerView {
  code: string;
  ids: number[];
  /** Those of `ids` that at least 13 servers have in the locker. */
  locked: number[];
  /** Of all of them; units of 1e-8. */
  units: bigint;
}

const maskOf = (holds: (raidaId: number) => boolean): number =>
  Array.from({ length: RAIDA_COUNT }, (_, id) => id).reduce(
    (mask, id) => (holds(id) ? mask | (1 << id) : mask),
    0,
  );

/** Servers that can be sent a put: settled, and the AN is right. */
function takers(entry: WalletEntry): number {
  const lights = parseLights(entry.lights);
  return maskOf((raidaId) => lights[raidaId] === 'pass') & ~unsettled(entry);
}

/**
 * Servers that are sent the keys: those that hold an AN of ours, also where a put of the same keys
 * was noted before, or sent and lost. Not those that may have got it and have not said so when they
 * were asked, nor those that have the coin in this locker.
 */
function wanting(entry: WalletEntry, keys: Uint8Array): number {
  const lights = parseLights(entry.lights);
  const again = maskOf((id) => lights[id] !== 'fail' && entersAt(entry, id, keys)) & entry.offered;
  const inside = maskOf((id) => holdsKey(entry, id, keys));
  return (takers(entry) | again) & ~inside;
}

/** Servers that have the coin in this locker, but were sent an AN of ours to take it out. */
function leaving(entry: WalletEntry, keys: Uint8Array): number {
  return maskOf((id) => holdsKey(entry, id, keys)) & unsettled(entry) & ~entry.foreign;
}

/** The entry before its put: the keys are what the servers of `mask` may hold from now on. */
function enter(entry: WalletEntry, mask: number, keys: Uint8Array, locker: string): WalletEntry {
  if (mask === 0) return entry;
  const proposedNumbers = new Uint8Array(entry.proposedNumbers ?? entry.authenticationNumbers);
  for (const raidaId of indicesOfMask(mask)) {
    const key = authenticationNumber(keys, raidaId);
    authenticationNumber(proposedNumbers, raidaId).set(key);
  }
  const { owned, unknown } = entry;
  const offered = entry.offered & ~mask;
  const masks = { unknown: unknown | mask, offered, owned: owned & ~mask };
  return { ...entry, locker, proposedNumbers, ...masks };
}

/** Servers that have said that the coin is in the locker. */
function serversInLocker(entry: WalletEntry): number {
  const ids = Array.from({ length: RAIDA_COUNT }, (_, raidaId) => raidaId);
  return ids.filter((id) => inLocker(entry, id) && !((unsettled(entry) >> id) & 1)).length;
}

export class Lockers {
  private readonly questions: WalletQuestions;
  private readonly ownership: Ownership;
  private readonly random: RandomSource;

  constructor(questions: WalletQuestions, ownership: Ownership, random: RandomSource) {
    this.questions = questions;
    this.ownership = ownership;
    this.random = random;
  }

  /** Throws WalletError ANDVARI_WALLET_CODE for a code that is none. */
  async lock(entries: readonly WalletEntry[], options: LockOptions): Promise<LockResult> {
    const { questions } = this;
    const digests = await openDigests();
    const code =
      options.code === undefined
        ? newLockerCode(this.random, digests)
        : parseLockerCode(options.code, digests);
    const keys = lockerKeys(code, digests);
    const stage = stagesOf('lock', options);
    const about = { coins: entries.length, servers: questions.client.raidaIds.length };
    await stage('detect', about, async (step) => {
      for (const group of groupsOf(entries)) {
        await questions.findUnanswered(group, step);
        await this.finishLeaving(questions.current(group), keys, step);
        const free = questions.current(group).filter(({ locker }) => locker === undefined);
        await this.ownership.finish(free, step);
        await questions.detect(questions.current(group), step);
      }
    });
    for (const entry of questions.current(entries)) {
      // What has begun to go in is ours or in the locker, and goes on as far as it can.
      if (entry.locker === undefined) refuseUnfit(entry);
    }
    const result: LockResult = { code, locked: [], pending: [], returned: [] };
    await stage('put', about, async (step) => {
      for (const group of groupsOf(questions.current(entries))) {
        const masks = group.map((entry) => (leaving(entry, keys) ? 0 : wanting(entry, keys)));
        const entering = group.map((entry, i) => enter(entry, masks[i] ?? 0, keys, code));
        await questions.ledger.commit(() => ({ put: entering }));
        await this.put({ group: entering, masks, keys }, step);
        await questions.findUnanswered(questions.current(group), step);
      }
    });
    const returning: WalletEntry[] = [];
    for (const entry of questions.current(entries)) {
      const servers = serversInLocker(entry);
      if (servers >= QUORUM) result.locked.push(entry.id);
      else if (servers + indicesOfMask(unanswered(entry)).length >= QUORUM) {
        result.pending.push(entry.id);
      } else {
        result.returned.push(entry.id);
        returning.push(entry);
      }
    }
    if (returning.length === 0) return result;
    await stage('take', { ...about, coins: returning.length }, async (step) => {
      for (const group of groupsOf(returning)) await this.ownership.take(group, step, keys);
    });
    return result;
  }

  async peek(text: string, options: WalletOperationOptions): Promise<LockerContents> {
    const digests = await openDigests();
    const keys = lockerKeys(parseLockerCode(text, digests), digests);
    return this.look(keys, stagesOf('peek', options));
  }

  /** Which coins a locker holds that can be taken; they are in the ledger then. */
  async prepare(
    text: string,
    options: WalletOperationOptions,
  ): Promise<{ ids: number[]; left: LockerCoin[]; keys: Uint8Array }> {
    const digests = await openDigests();
    const code = parseLockerCode(text, digests);
    const keys = lockerKeys(code, digests);
    const contents = await this.look(keys, stagesOf('unlock', options));
    const own = Array.from(this.questions.ledger.entries()).filter(({ locker }) => locker === code);
    const known = new Map(own.map((entry) => [coinNumber(entry), entry.id]));
    const takable = contents.coins.filter(
      (coin) => coin.servers >= QUORUM || known.has(coinNumber(coin)),
    );
    const left = contents.coins.filter((coin) => !takable.includes(coin));
    // Coins of ours may be on too few servers for others, and still be taken back by what we know.
    const ids = new Set(own.map(({ id }) => id));
    if (takable.length === 0 && ids.size === 0) throw noLocker(contents);
    const { ledger } = this.questions;
    await ledger.commit(() => {
      const put: WalletEntry[] = [];
      for (const coin of takable) {
        if (known.has(coinNumber(coin))) continue;
        const id = ledger.nextId + put.length;
        put.push({ ...newEntry(id, { ...coin, authenticationNumbers: keys }), locker: code });
        ids.add(id);
      }
      ledger.wantRoom(put.length);
      return { put, nextId: ledger.nextId + put.length };
    });
    return { ids: [...ids], left, keys };
  }

  async unlock(
    entries: readonly WalletEntry[],
    { keys, left }: { keys: Uint8Array; left: LockerCoin[] },
    options: WalletOperationOptions,
  ): Promise<UnlockResult> {
    const { questions } = this;
    const about = { coins: entries.length, servers: questions.client.raidaIds.length };
    await stagesOf('unlock', options)('take', about, async (step) => {
      for (const group of groupsOf(entries)) {
        await this.ownership.take(group, step, keys);
        await questions.findUnanswered(questions.current(group), step);
      }
    });
    const result: UnlockResult = { taken: [], pending: [], missed: [], left };
    const strangers: number[] = [];
    for (const entry of questions.current(entries)) {
      const { id, owned, grade } = viewOf(entry, false);
      if (owned) result.taken.push(id);
      else if (grade.fails < QUORUM) result.pending.push(id);
      else {
        result.missed.push(id);
        // At least 13 servers deny both ANs, and the old ones were the locker's: nothing is lost.
        if (isKeysAlone(entry, keys)) strangers.push(id);
      }
    }
    if (strangers.length > 0) await questions.ledger.commit(() => ({ remove: strangers }));
    return result;
  }

  /** Coins that were being taken back come back first: so there are never three candidates. */
  private async finishLeaving(
    group: readonly WalletEntry[],
    keys: Uint8Array,
    options: StepOptions,
  ): Promise<void> {
    const late = group.filter((entry) => leaving(entry, keys) !== 0);
    if (late.length > 0) await this.ownership.take(late, options, keys);
  }

  /** `masks`: for each coin, the servers that are sent its put; it is in the ledger. */
  private async put(
    { group, masks, keys }: { group: WalletEntry[]; masks: number[]; keys: Uint8Array },
    options: StepOptions,
  ): Promise<void> {
    const { client } = this.questions;
    const asked: (readonly CoinAnswer[])[] = [];
    await this.questions.ask<CoinAnswer>(group, options, {
      run: (onAnswers) => {
        const select = (raidaId: number) =>
          indicesWhere(group, (_, index) => (((masks[index] ?? 0) >> raidaId) & 1) === 1);
        const more = operation(options, { onAnswers, select });
        return client.lockers.put(group, keys, more);
      },
      apply: (entry, row, index) => {
        asked[index] = row;
        return applyPowned(entry, row);
      },
      told: asLights(group, options.onLights, ({ status }) =>
        status === 'fail' ? undefined : status,
      ),
    });
    await this.questions.find(this.questions.current(group), options, (index, raidaId) => {
      const status = asked[index]?.[raidaId]?.status;
      return status === 'fail' || status === 'error';
    });
  }

  private async look(
    keys: Uint8Array,
    stage: ReturnType<typeof stagesOf>,
  ): Promise<LockerContents> {
    const { client } = this.questions;
    const about = { coins: 0, servers: client.raidaIds.length };
    const outcomes = await stage('peek', about, ({ signal, timeoutMs, heard }) =>
      client.lockers.peek(keys, {
        signal,
        timeoutMs,
        onOutcome: ({ raidaId }) => heard?.(raidaId),
      }),
    );
    const byNumber = new Map<number, LockerCoin>();
    for (const { value } of passed(outcomes)) {
      for (const coin of new Map(value.map((one) => [coinNumber(one), one])).values()) {
        const servers = (byNumber.get(coinNumber(coin))?.servers ?? 0) + 1;
        byNumber.set(coinNumber(coin), { ...coin, servers });
      }
    }
    const answered = outcomes.filter(({ status }) => status === 'pass' || status === 'fail').length;
    return { coins: [...byNumber.values()], answered, empty: passed(outcomes).length === 0 };
  }
}

/** The lockers of the wallet's coins. */
export function lockersOf(entries: Iterable<WalletEntry>): LockerView[] {
  const views = new Map<string, LockerView>();
  for (const entry of entries) {
    const { id, locker, denomination } = entry;
    if (locker === undefined) continue;
    const view = views.get(locker) ?? { code: locker, ids: [], locked: [], units: 0n };
    view.ids.push(id);
    if (serversInLocker(entry) >= QUORUM) view.locked.push(id);
    view.units += coinValueUnits(denomination);
    views.set(locker, view);
  }
  return [...views.values()];
}

function entersAt({ proposedNumbers }: WalletEntry, raidaId: number, keys: Uint8Array): boolean {
  if (!proposedNumbers) return false;
  const proposed = authenticationNumber(proposedNumbers, raidaId);
  return equal(authenticationNumber(keys, raidaId), proposed);
}

function holdsKey(entry: WalletEntry, raidaId: number, keys: Uint8Array): boolean {
  const an = authenticationNumber(entry.authenticationNumbers, raidaId);
  return equal(authenticationNumber(keys, raidaId), an);
}

/** The entry knows nothing of the coin but the keys of its locker. */
function isKeysAlone({ authenticationNumbers }: WalletEntry, keys: Uint8Array): boolean {
  if (keys.length !== KEYS_BYTES) return false;
  return authenticationNumbers.every((byte, index) => byte === keys[index]);
}

function refuseUnfit(entry: WalletEntry): void {
  const { denomination, serialNumber, lights } = entry;
  const { name } = gradeCoin(parseLights(lights));
  const ready = indicesOfMask(takers(entry)).length;
  if (name === 'authentic' && ready >= QUORUM) return;
  const coin = `coin ${serialNumber} of denomination ${denomination}`;
  const problem =
    name === 'authentic'
      ? `${coin} has a change of ownership that is not finished: take ownership of it first`
      : `${coin} is not authentic on ${QUORUM} servers, and cannot be put in a locker`;
  throw new WalletError('ANDVARI_WALLET_UNFIT', problem);
}

function noLocker({ answered, coins, empty }: LockerContents): WalletError {
  const most = coins.reduce((count, { servers }) => Math.max(count, servers), 0);
  let problem = `only ${most} servers know what is in the locker, ${QUORUM} are needed`;
  if (answered < QUORUM) problem = `only ${answered} servers answered; nothing was taken`;
  else if (empty) problem = 'no server knows the locker: it is empty, or has been emptied';
  return new WalletError('ANDVARI_WALLET_LOCKER', problem);
}
