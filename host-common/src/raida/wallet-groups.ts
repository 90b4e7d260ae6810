/** How a wallet's entries are put before the servers. */
import type { CoinProposal } from './client.ts';
import { coinNumber } from './coin.ts';
import type { Light } from './grading.ts';
import type { Progress } from './lanes.ts';
import { WALLET_GROUP_COINS } from './limits.ts';
import type { WalletEntry } from './wallet-entry.ts';

/** Lights of some coins from one server, as they come in. */
export interface WalletProgress {
  raidaId: number;
  ids: number[];
  lights: Light[];
}

/** Lists of at most WALLET_GROUP_COINS entries. */
export function groupsOf(entries: readonly WalletEntry[]): WalletEntry[][] {
  const count = Math.ceil(entries.length / WALLET_GROUP_COINS);
  return Array.from({ length: count }, (_, index) =>
    entries.slice(index * WALLET_GROUP_COINS, (index + 1) * WALLET_GROUP_COINS),
  );
}

/** Lists in which no coin occurs twice: candidates for one coin are tried one after another. */
export function roundsOf(entries: readonly WalletEntry[]): WalletEntry[][] {
  const rounds: WalletEntry[][] = [];
  const seen = new Map<number, number>();
  for (const entry of entries) {
    const round = seen.get(coinNumber(entry)) ?? 0;
    seen.set(coinNumber(entry), round + 1);
    const members = rounds[round];
    if (members) members.push(entry);
    else rounds[round] = [entry];
  }
  return rounds;
}

/** Without a proposal the ANs again: a server that holds them answers "the first". */
export function asProposal(entry: WalletEntry): CoinProposal {
  return { ...entry, proposedNumbers: entry.proposedNumbers ?? entry.authenticationNumbers };
}

export function indicesWhere(
  entries: readonly WalletEntry[],
  wanted: (entry: WalletEntry, index: number) => boolean,
): number[] {
  return entries.flatMap((entry, index) => (wanted(entry, index) ? [index] : []));
}

/** Hands answers on as lights; undefined: the answer is no light yet. */
export function asLights<Answer>(
  entries: readonly WalletEntry[],
  onLights: ((progress: WalletProgress) => void) | undefined,
  lightOf: (answer: Answer) => Light | undefined,
): (progress: Progress<Answer>) => void {
  return ({ raidaId, indices, answers }) => {
    const ids: number[] = [];
    const lights: Light[] = [];
    for (const [place, index] of indices.entries()) {
      const answer = answers[place];
      const light = answer === undefined ? undefined : lightOf(answer);
      const entry = entries[index];
      if (!entry || light === undefined) continue;
      ids.push(entry.id);
      lights.push(light);
    }
    if (ids.length > 0) onLights?.({ raidaId, ids, lights });
  };
}
