/**
 * Healing: a coin that at least 13 servers know is made known to those that say counterfeit. Each
 * of the 13 gives a ticket (2/40); the others take the tickets' word (2/80) and give the coin an AN
 * that server and wallet both compute.
 *
 * The new AN is in the ledger before the fix is sent. It replaces a candidate that the server has
 * just denied: if the server comes to its senses later, the coin is fracked there as before, and
 * can be healed again.
 */
import { RAIDA_COUNT } from '../engine/generated/limits.ts';
import type { CoinAnswer } from './answers.ts';
import type { Ticket } from './client.ts';
import { AN_BYTES } from './coin.ts';
import { type FixRequest, fixedNumberSeed } from './commands/fix.ts';
import { type Digests, openDigests } from './digests.ts';
import { gradeCoin } from './grading.ts';
import { DRAWS_MAX, HEAL_REQUEST_BYTES, HEAL_ROUNDS_MAX } from './limits.ts';
import { isReserved, type RandomSource } from './new-numbers.ts';
import {
  applyDetected,
  applyPowned,
  parseLights,
  proposeAt,
  unsettled,
  type WalletEntry,
} from './wallet-entry.ts';
import { asLights, indicesWhere } from './wallet-groups.ts';
import type { Ownership } from './wallet-ownership.ts';
import { operation, type WalletQuestions } from './wallet-questions.ts';
import type { RunStage } from './wallet-stage.ts';

export interface HealResult {
  /** Authentic, and no server that answered says counterfeit. */
  healed: number[];
  /** Authentic, but some servers still say counterfeit. */
  fracked: number[];
  /** At least 13 servers say counterfeit: nobody can heal that. */
  unhealable: number[];
  /** Too few servers answered. */
  undecided: number[];
}

/** One server's share of a fix. */
interface Share extends FixRequest {
  coins: readonly WalletEntry[];
  /** Indices of the coins in the list that is healed. */
  indices: readonly number[];
}

export function sortHealed(entries: readonly WalletEntry[], result: HealResult): void {
  for (const { id, lights } of entries) {
    const { name, fracked } = gradeCoin(parseLights(lights));
    if (name === 'authentic') (fracked ? result.fracked : result.healed).push(id);
    else if (name === 'counterfeit') result.unhealable.push(id);
    else result.undecided.push(id);
  }
}

function isFracked({ lights }: WalletEntry): boolean {
  return gradeCoin(parseLights(lights)).fracked;
}

export class Healing {
  private readonly questions: WalletQuestions;
  private readonly ownership: Ownership;
  private readonly random: RandomSource;

  constructor(questions: WalletQuestions, ownership: Ownership, random: RandomSource) {
    this.questions = questions;
    this.ownership = ownership;
    this.random = random;
  }

  /** Heals a group in which no coin occurs twice, in rounds: a ticket serves only once. */
  async heal(group: readonly WalletEntry[], stage: RunStage): Promise<void> {
    const { questions } = this;
    const servers = questions.client.raidaIds.length;
    const digests = await openDigests();
    let open = group;
    for (let round = 0; round < HEAL_ROUNDS_MAX && open.length > 0; round++) {
      const unsaid = questions.current(open).filter((entry) => unsettled(entry) !== 0);
      if (unsaid.length > 0) {
        await stage('settle', { coins: unsaid.length, servers }, async (options) => {
          await questions.findUnanswered(unsaid, options);
          // A server that vouches for an old AN would not fix the coin for whoever has it next.
          await this.ownership.finish(questions.current(unsaid), options);
        });
      }
      const listed = questions.current(open);
      const tickets = await stage('tickets', { coins: listed.length, servers }, (options) =>
        this.takeTickets(listed, options),
      );
      open = await this.fix(questions.current(listed), tickets, { stage, digests });
    }
    const coins = group.length;
    await stage('detect', { coins, servers }, (options) =>
      questions.detect(questions.current(group), options),
    );
  }

  private async takeTickets(
    entries: readonly WalletEntry[],
    options: Parameters<Parameters<RunStage>[2]>[0],
  ): Promise<readonly Ticket[]> {
    let tickets: readonly Ticket[] = [];
    await this.questions.ask<CoinAnswer>(entries, options, {
      run: async (onAnswers) => {
        // One ticket a server for all the coins, so that one fix can use it for all of them.
        const requestBytesMax = HEAL_REQUEST_BYTES;
        const more = operation(options, { onAnswers, requestBytesMax });
        ({ tickets } = await this.questions.client.getTickets(entries, more));
      },
      apply: applyDetected,
      told: asLights(entries, options.onLights, ({ status }) => status),
    });
    return tickets;
  }

  /** Gives the coins that are fracked after it; those that cannot be healed are not among them. */
  private async fix(
    entries: readonly WalletEntry[],
    tickets: readonly Ticket[],
    { stage, digests }: { stage: RunStage; digests: Digests },
  ): Promise<WalletEntry[]> {
    const { client, ledger } = this.questions;
    const open = entries.filter(isFracked);
    if (open.length === 0) return [];
    const shares = this.sharesOf(entries, tickets, digests);
    const proposed = entries.map((entry, index) => proposalOf(entry, index, shares, digests));
    await ledger.commit(() => ({ put: proposed }));
    const asked: (readonly CoinAnswer[])[] = [];
    const raidaIds = [...shares.keys()];
    const about = { coins: open.length, servers: raidaIds.length };
    await stage('fix', about, async (options) => {
      await this.questions.ask<CoinAnswer>(proposed, options, {
        run: (onAnswers) =>
          client.fixing.fix(raidaIds, (raidaId) => shareOf(shares, raidaId), {
            signal: options.signal,
            timeoutMs: options.timeoutMs,
            onOutcome: (outcome) => {
              const { raidaId } = outcome;
              const { indices } = shareOf(shares, raidaId);
              const answers =
                outcome.status === 'pass'
                  ? outcome.value
                  : indices.map(() => ({ status: outcome.status }));
              onAnswers({ raidaId, indices, answers });
            },
          }),
        apply: (entry, row, index) => {
          asked[index] = row;
          return applyPowned(entry, row);
        },
        told: asLights(proposed, options.onLights, ({ status }) =>
          status === 'fail' ? undefined : status,
        ),
      });
      // What a server did without saying so is found out before another fix is tried.
      await this.questions.find(this.questions.current(proposed), options, (index, raidaId) => {
        const status = asked[index]?.[raidaId]?.status;
        return status === 'fail' || status === 'error';
      });
    });
    return this.questions.current(open).filter(isFracked);
  }

  /** For each server that says counterfeit: the coins, a generator of its own, the tickets. */
  private sharesOf(
    entries: readonly WalletEntry[],
    tickets: readonly Ticket[],
    digests: Digests,
  ): ReadonlyMap<number, Share> {
    const shares = new Map<number, Share>();
    for (const raidaId of this.questions.client.raidaIds) {
      const indices = indicesWhere(
        entries,
        (entry) => isFracked(entry) && parseLights(entry.lights)[raidaId] === 'fail',
      );
      if (indices.length === 0) continue;
      const coins = indices.map((index) => entries[index] as WalletEntry);
      const numbers = Array.from({ length: RAIDA_COUNT }, (_, id) =>
        id === raidaId ? 0 : bestTicket(tickets, id, indices),
      );
      const generator = this.drawGenerator(raidaId, coins, digests);
      shares.set(raidaId, { coins, indices, generator, tickets: numbers });
    }
    return shares;
  }

  /** Random bytes from which no coin gets an AN that means something else. */
  private drawGenerator(
    raidaId: number,
    coins: readonly WalletEntry[],
    digests: Digests,
  ): Uint8Array {
    const generator = new Uint8Array(AN_BYTES);
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      this.random(generator);
      const seeds = coins.map((coin) => fixedNumberSeed(raidaId, coin, generator));
      if (!seeds.some((seed) => isReserved(digests.md5(seed)))) return generator;
    }
    throw new Error('the random source gives no random bytes');
  }
}

function shareOf(shares: ReadonlyMap<number, Share>, raidaId: number): Share {
  const share = shares.get(raidaId);
  if (share) return share;
  throw new RangeError(`RAIDA ${raidaId} has nothing to fix`);
}

/** Of several tickets of one server (it refused a long list) the one for most of the coins. */
function bestTicket(
  tickets: readonly Ticket[],
  raidaId: number,
  wanted: readonly number[],
): number {
  const list = new Set(wanted);
  let best = { ticket: 0, count: 0 };
  for (const { raidaId: from, ticket, indices } of tickets) {
    const count = from === raidaId ? indices.filter((index) => list.has(index)).length : 0;
    if (count > best.count) best = { ticket, count };
  }
  return best.ticket;
}

/** The entry with the ANs that the fix would give it. */
function proposalOf(
  entry: WalletEntry,
  index: number,
  shares: ReadonlyMap<number, Share>,
  digests: Digests,
): WalletEntry {
  let changed = entry;
  for (const [raidaId, { indices, generator }] of shares) {
    if (!indices.includes(index)) continue;
    changed = proposeAt(changed, raidaId, digests.md5(fixedNumberSeed(raidaId, entry, generator)));
  }
  return changed;
}
