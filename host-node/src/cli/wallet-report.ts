import {
  type Coin,
  coinValueUnits,
  formatUnits,
  totalUnits,
} from '@andvari/host-common/raida/coin';
import type { Light } from '@andvari/host-common/raida/grading';
import { lightLetters, type WalletCoin } from '@andvari/host-common/raida/wallet-entry';
import type { WalletProgress } from '@andvari/host-common/raida/wallet-groups';
import { Presets, SingleBar } from 'cli-progress';
import type { CommandContext } from './command-context.ts';
import { ExitCode } from './exit-code.ts';

/** The 25 lights as one word: p pass, f fail, e error, r refused, t no reply, u unreachable, -. */
export function lightsWord(lights: readonly Light[]): string {
  return lights.map((light) => lightLetters[light]).join('');
}

/** `1 coin`, `7 coins`. */
export function nounOf(count: number): string {
  return count === 1 ? '1 coin' : `${count} coins`;
}

/** What became of a coin, for one line of output. */
export interface CoinOutcome {
  coin: WalletCoin;
  /** `authentic`, `counterfeit`, `limbo`; after pown also `owned`, `pending` and `refused`. */
  outcome: string;
  /** Where the coin is now; empty where it was. */
  file: string;
}

/** One line, or one JSON object, for each coin. Keys are never in it. */
export function reportCoins(
  outcomes: readonly CoinOutcome[],
  { json }: { json: boolean },
  context: CommandContext,
): void {
  const values = outcomes.map(({ coin }) => formatUnits(coinValueUnits(coin.denomination)));
  const width = Math.max(0, ...values.map((value) => value.length));
  for (const [index, { coin, outcome, file }] of outcomes.entries()) {
    const { denomination, serialNumber, grade } = coin;
    const lights = lightsWord(coin.lights);
    const value = values[index] as string;
    const { passes, fails, fracked } = grade;
    if (json) {
      const numbers = { denomination, serialNumber, value, lights, passes, fails, fracked };
      context.event({ event: 'coin', outcome, ...numbers, file });
    } else {
      const name = `${value.padStart(width)}  #${String(serialNumber).padEnd(10)}`;
      const word = (fracked && outcome !== 'fracked' ? `${outcome}, fracked` : outcome).padEnd(20);
      context.result(`${lights}  ${word}  ${name}  ${file}`);
    }
  }
}

/** `6 coins, 1111.11: 5 authentic, 1 limbo`, on stderr. */
export function reportTotals(outcomes: readonly CoinOutcome[], context: CommandContext): void {
  const counts = new Map<string, number>();
  for (const { outcome } of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const coins: Coin[] = outcomes.map(({ coin }) => coin);
  const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
  const noun = coins.length === 1 ? 'coin' : 'coins';
  context.note(`${coins.length} ${noun}, ${formatUnits(totalUnits(coins))}: ${parts.join(', ')}`);
}

/** 0 when all is well, 2 when no server said anything, else 3. */
export function exitCodeOfCoins(outcomes: readonly CoinOutcome[], good: string): number {
  if (outcomes.every(({ outcome }) => outcome === good)) return ExitCode.OK;
  const silent: readonly Light[] = ['timeout', 'unreachable', 'none'];
  const nobody = outcomes.every(({ coin }) => coin.lights.every((light) => silent.includes(light)));
  return nobody ? ExitCode.NETWORK : ExitCode.INTEGRITY;
}

/** A bar on the terminal while answers come in; nothing where nobody looks. */
export class AnswerProgress {
  readonly #bar: SingleBar | undefined;
  readonly #total: number;
  #answers = 0;

  constructor(answers: number, json: boolean, context: CommandContext) {
    this.#total = answers;
    if (json || !context.interactive) return;
    this.#bar = new SingleBar(
      {
        stream: context.stderr as NodeJS.WriteStream,
        format: '{bar} {value} of {total} answers',
        clearOnComplete: true,
        hideCursor: true,
        gracefulExit: false,
      },
      Presets.shades_classic,
    );
    this.#bar.start(answers, 0);
  }

  readonly onLights = ({ lights }: WalletProgress): void => {
    // A coin can be asked about twice (pown, then find): the bar still ends at its end.
    this.#answers = Math.min(this.#answers + lights.length, this.#total);
    this.#bar?.update(this.#answers);
  };

  stop(): void {
    this.#bar?.stop();
  }
}
