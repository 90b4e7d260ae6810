/**
 * Change: one coin becomes ten of the next smaller denomination, or ten become one. Each server
 * does it whole or not at all, so each has either the given coins or the made ones; what 13 servers
 * have decides. The made coins' ANs are in the ledger, beside the given coins, before they are
 * sent.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import { coinNumber, DENOMINATION_MAX, DENOMINATION_MIN, KEYS_BYTES } from './coin.ts';
import { CHANGE_COINS, type ChangeKind, type ChangeOrder } from './commands/change.ts';
import { type Digests, openDigests } from './digests.ts';
import { COIN_BYTES, FieldWriter } from './fields.ts';
import { gradeCoin, QUORUM } from './grading.ts';
import { CHANGE_ROUNDS_MAX } from './limits.ts';
import { newNumbers, type RandomSource } from './new-numbers.ts';
import { passed, type ServerOutcome } from './outcome.ts';
import { ALL_SERVERS, newEntry, parseLights, type WalletEntry } from './wallet-entry.ts';
import { WalletError } from './wallet-error.ts';
import type { WalletQuestions } from './wallet-questions.ts';
import { type RunStage, stagesOf, type WalletOperationOptions } from './wallet-stage.ts';

export interface ChangeResult {
  /** `pending`: too few servers have answered; resolvePending() goes on with it. */
  outcome: 'changed' | 'unchanged' | 'pending';
  /** Ids of the coins that are no more. */
  gone: number[];
  /** Ids of the new coins. */
  made: number[];
  /** Statuses (reference: RAIDA section 6) with which servers refused, each once. */
  refusals: number[];
}

/** Break one coin into ten, or join ten of one denomination to one. */
export type ChangeWish = { break: number } | { join: readonly number[] };

interface Plan {
  kind: ChangeKind;
  given: readonly WalletEntry[];
  made: readonly WalletEntry[];
}

/** Never 0, which means "not reserved", nor the number that public servers let pass everywhere. */
const BYPASS_SESSION = 0xeeeeeeee;

/**
 * The session that reserves pages: made of the given coins and their secrets, of which it tells
 * nothing. So a change that was cut off and is tried again finds the pages its own.
 */
function sessionOf(kind: ChangeKind, given: readonly WalletEntry[], digests: Digests): number {
  const coins = given.toSorted((a, b) => coinNumber(a) - coinNumber(b));
  const writer = new FieldWriter(1 + coins.length * (COIN_BYTES + KEYS_BYTES));
  writer.u8(kind === 'break' ? 1 : 2);
  for (const coin of coins) writer.coin(coin).block(coin.authenticationNumbers);
  const digest = digests.sha256(writer.bytes);
  writer.bytes.fill(0);
  const session = new DataView(digest.buffer).getUint32(0);
  return session === 0 || session === BYPASS_SESSION ? 1 : session;
}

export class Change {
  private readonly questions: WalletQuestions;
  private readonly random: RandomSource;

  constructor(questions: WalletQuestions, random: RandomSource) {
    this.questions = questions;
    this.random = random;
  }

  async run(
    kind: ChangeKind,
    entries: readonly WalletEntry[],
    options: WalletOperationOptions,
  ): Promise<ChangeResult> {
    const { questions } = this;
    const stage = stagesOf('change', options);
    const servers = questions.client.raidaIds.length;
    refuseWish(kind, entries);
    await stage('detect', { coins: entries.length, servers }, (step) =>
      questions.detect(entries, step),
    );
    const given = questions.current(entries);
    for (const entry of given) refuseUnfit(entry);
    const session = sessionOf(kind, given, await openDigests());
    const serials = await this.reserve(kind, given, { session, stage, options });
    const made = await this.record(kind, given, serials);
    const plan = { kind, given: questions.current(given), made };
    return this.carryOut(plan, { session, stage });
  }

  /** Goes on with a change whose coins are in the ledger, where it was cut off. */
  async resume(
    entries: readonly WalletEntry[],
    options: WalletOperationOptions,
  ): Promise<ChangeResult> {
    const given = entries.filter(({ change }) => change?.role === 'given');
    const made = entries.filter(({ change }) => change?.role === 'made');
    if (given.length === 0 || made.length === 0) {
      // The other half was removed by hand: what is left are plain coins.
      await this.questions.ledger.commit(() => ({ put: entries.map(untied) }));
      return { outcome: 'unchanged', gone: [], made: [], refusals: [] };
    }
    const kind: ChangeKind = given.length === 1 ? 'break' : 'join';
    const stage = stagesOf('change', options);
    const plan = { kind, given, made };
    const before = await this.decide(plan, stage);
    if (before.outcome !== 'pending') return before;
    // The pages have to be reserved again. Numbers that somebody has taken show when they are sent.
    const session = sessionOf(kind, given, await openDigests());
    const { denomination } = given[0] as WalletEntry;
    await this.offers({ kind, session, denomination }, stage, options);
    return this.carryOut(plan, { session, stage });
  }

  private async carryOut(
    plan: Plan,
    { session, stage }: { session: number; stage: RunStage },
  ): Promise<ChangeResult> {
    const outcomes = await this.exchange(plan, session, stage);
    const refusals = outcomes.flatMap(({ status, wireStatus }) =>
      status === 'pass' || wireStatus === undefined ? [] : [wireStatus],
    );
    return { ...(await this.decide(plan, stage)), refusals: [...new Set(refusals)] };
  }

  private offers(
    question: { kind: ChangeKind; session: number; denomination: number },
    stage: RunStage,
    { signal, timeoutMs }: WalletOperationOptions,
  ) {
    const { client } = this.questions;
    const servers = client.raidaIds.length;
    return stage('reserve', { coins: 0, servers }, ({ heard }) =>
      client.change.offer(question, {
        signal,
        timeoutMs,
        onOutcome: ({ raidaId }) => heard?.(raidaId),
      }),
    );
  }

  /** Serial numbers that as many servers as can be offer together, at least 13 of them. */
  private async reserve(
    kind: ChangeKind,
    [first]: readonly WalletEntry[],
    {
      session,
      stage,
      options,
    }: {
      session: number;
      stage: RunStage;
      options: WalletOperationOptions;
    },
  ): Promise<number[]> {
    const { denomination } = first as WalletEntry;
    const target = denomination + (kind === 'break' ? -1 : 1);
    const count = kind === 'break' ? CHANGE_COINS : 1;
    const own = new Set(
      Array.from(this.questions.ledger.entries())
        .filter((entry) => entry.denomination === target)
        .map(({ serialNumber }) => serialNumber),
    );
    let answered = 0;
    for (let round = 0; round < CHANGE_ROUNDS_MAX; round++) {
      const question = { kind, session, denomination };
      const offers = passed(await this.offers(question, stage, options));
      answered = Math.max(answered, offers.length);
      if (offers.length < QUORUM) continue;
      const lists = offers.map(
        ({ value }) => new Set(value.serialNumbers.filter((number) => !own.has(number))),
      );
      const free = commonNumbers(lists, count);
      if (free.length > 0) return free;
    }
    const problem =
      answered < QUORUM
        ? `only ${answered} servers offered serial numbers, ${QUORUM} are needed`
        : `the servers have no ${count} free serial numbers in common now`;
    throw new WalletError('ANDVARI_WALLET_CHANGE', `${problem}; nothing was changed`);
  }

  /** The made coins come into the ledger, tied to the given ones. */
  private async record(
    kind: ChangeKind,
    given: readonly WalletEntry[],
    serials: readonly number[],
  ): Promise<WalletEntry[]> {
    const { ledger } = this.questions;
    const { denomination } = given[0] as WalletEntry;
    let made: WalletEntry[] = [];
    await ledger.commit(() => {
      const group = ledger.nextId;
      ledger.wantRoom(serials.length);
      made = serials.map((serialNumber, index): WalletEntry => {
        const authenticationNumbers = newNumbers(this.random);
        const target = denomination + (kind === 'break' ? -1 : 1);
        const coin = { denomination: target, serialNumber, authenticationNumbers };
        return {
          ...newEntry(group + index, coin),
          owned: ALL_SERVERS,
          change: { group, role: 'made' },
        };
      });
      const tied = given.map(({ id }): WalletEntry => {
        return { ...ledger.entry(id), change: { group, role: 'given' } };
      });
      return { put: [...tied, ...made], nextId: group + made.length };
    });
    return made;
  }

  private exchange(plan: Plan, session: number, stage: RunStage): Promise<ServerOutcome<true>[]> {
    const { client } = this.questions;
    const coins = plan.given.length + plan.made.length;
    const [large, small] =
      plan.kind === 'break' ? [plan.given, plan.made] : [plan.made, plan.given];
    const order: ChangeOrder = { session, large: large[0] as WalletEntry, small };
    return stage('exchange', { coins, servers: client.raidaIds.length }, (step) => {
      const { signal, timeoutMs, heard } = step;
      const more = {
        signal,
        timeoutMs,
        onOutcome: ({ raidaId }: { raidaId: number }) => heard?.(raidaId),
      };
      return plan.kind === 'break'
        ? client.change.break(order, more)
        : client.change.join(order, more);
    });
  }

  /** Asks all servers which of the coins they have, and clears up if 13 say the same. */
  private async decide({ given, made }: Plan, stage: RunStage): Promise<ChangeResult> {
    const { questions } = this;
    const all = [...given, ...made];
    const servers = questions.client.raidaIds.length;
    await stage('detect', { coins: all.length, servers }, (step) =>
      questions.detect(questions.current(all), step),
    );
    const ids = (entries: readonly WalletEntry[]) => entries.map(({ id }) => id);
    const done = questions.current(made);
    const kept = questions.current(given);
    if (isThere(done)) {
      const put = done.map(untied);
      await questions.ledger.commit(() => ({ put, remove: ids(given) }));
      return { outcome: 'changed', gone: ids(given), made: ids(made), refusals: [] };
    }
    if (isThere(kept) && isRefused(done)) {
      await questions.ledger.commit(() => ({ put: kept.map(untied), remove: ids(made) }));
      return { outcome: 'unchanged', gone: [], made: [], refusals: [] };
    }
    return { outcome: 'pending', gone: [], made: [], refusals: [] };
  }
}

/**
 * `count` numbers that are in the lists of at least 13 servers; else none. Servers that offer other
 * numbers than most are left aside, the oddest first: they were away for a while, or lie.
 */
function commonNumbers(lists: readonly ReadonlySet<number>[], count: number): number[] {
  let agreeing = lists;
  while (agreeing.length >= QUORUM) {
    const [first = new Set<number>(), ...rest] = agreeing;
    const common = [...first].filter((number) => rest.every((list) => list.has(number)));
    if (common.length >= count) return common.slice(0, count);
    agreeing = withoutOddest(agreeing);
  }
  return [];
}

/** The lists without the one whose numbers are in the fewest others. */
function withoutOddest(lists: readonly ReadonlySet<number>[]): ReadonlySet<number>[] {
  const offered = new Map<number, number>();
  for (const list of lists) {
    for (const number of list) offered.set(number, (offered.get(number) ?? 0) + 1);
  }
  const shared = lists.map((list) =>
    [...list].reduce((sum, number) => sum + (offered.get(number) ?? 0) - 1, 0),
  );
  const oddest = shared.indexOf(Math.min(...shared));
  return lists.filter((_, index) => index !== oddest);
}

/** At least 13 servers have all of the coins. */
function isThere(entries: readonly WalletEntry[]): boolean {
  return serversThat(entries, 'pass') >= QUORUM;
}

/** So many servers deny the coins that 13 can never have them. */
function isRefused(entries: readonly WalletEntry[]): boolean {
  return serversThat(entries, 'fail') >= QUORUM;
}

function serversThat(entries: readonly WalletEntry[], light: 'pass' | 'fail'): number {
  const rows = entries.map(({ lights }) => parseLights(lights));
  return Array.from({ length: RAIDA_COUNT }, (_, raidaId) => raidaId).filter((raidaId) =>
    rows.every((row) => row[raidaId] === light),
  ).length;
}

function untied({ change: _, ...entry }: WalletEntry): WalletEntry {
  return entry;
}

function refuseWish(kind: ChangeKind, entries: readonly WalletEntry[]): void {
  const [first] = entries;
  const wanted = kind === 'break' ? 1 : CHANGE_COINS;
  const unfit = (problem: string): never => {
    throw new WalletError('ANDVARI_WALLET_UNFIT', problem);
  };
  if (!first || entries.length !== wanted) {
    return void unfit(`coins to ${kind}: wanted ${wanted}, got ${entries.length}`);
  }
  const { denomination } = first;
  if (entries.some((entry) => entry.denomination !== denomination)) {
    unfit('coins to join: wanted ten of one denomination');
  }
  if (new Set(entries.map(({ serialNumber }) => serialNumber)).size !== wanted) {
    unfit('coins to join: wanted ten different coins');
  }
  const end = kind === 'break' ? DENOMINATION_MIN : DENOMINATION_MAX;
  if (denomination === end) unfit(`no coin of denomination ${denomination} can be changed so`);
}

/** Of a fracked coin, neither the given nor the made ones might reach 13 servers. */
function refuseUnfit({ denomination, serialNumber, lights }: WalletEntry): void {
  const { name, fracked } = gradeCoin(parseLights(lights));
  if (name === 'authentic' && !fracked) return;
  const coin = `coin ${serialNumber} of denomination ${denomination}`;
  const problem =
    name === 'authentic'
      ? `${coin} is fracked: heal it first`
      : `${coin} is not authentic on ${QUORUM} servers, and cannot be changed`;
  throw new WalletError('ANDVARI_WALLET_UNFIT', problem);
}
