/** How programs use the coin-file functions: docs/api.md shows this file. */
import { formatUnits, totalUnits } from '../coin.ts';
import { CoinFileError, formatCoinFile, type NamedFile, parseCoinFile } from '../coin-file.ts';

/** One file with the coins of several; the names that people gave them do not matter. */
export function joinFiles(files: readonly NamedFile[], tag: string): NamedFile {
  const coins = files.flatMap(({ bytes, name }) => parseCoinFile(bytes, name).coins);
  return formatCoinFile(coins, { tag });
}

/** What a file is worth, or what is wrong with it and where. */
export function describeFile({ bytes, name }: NamedFile): string {
  try {
    const { coins } = parseCoinFile(bytes, name);
    return `${coins.length} coins, ${formatUnits(totalUnits(coins))}`;
  } catch (error) {
    if (error instanceof CoinFileError) return `byte ${error.offset}: ${error.message}`;
    throw error;
  }
}
