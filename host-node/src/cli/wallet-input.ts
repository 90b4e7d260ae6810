import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { type Coin, type CoinKeys, coinNumber } from '@andvari/host-common/raida/coin';
import { type FileCoin, parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { readRegularFile } from './wallet-read.ts';

/** 20,000 coins with proposals take 16 MB. */
const COIN_FILE_BYTES_MAX = 32 * 1024 * 1024;

/** A coin file that a command was given. */
export interface InputFile {
  path: string;
  coins: FileCoin[];
}

/** Files that are no coin files, or do not go together; one problem a line. */
export class InputError extends Error {
  readonly code = 'ANDVARI_INPUT';
  override readonly name = 'InputError';
}

/**
 * Read all coin files; what is wrong with any of them is said at once.
 * @throws InputError
 */
export function readCoinFiles(paths: readonly string[], coinId: number): InputFile[] {
  const problems: string[] = [];
  const files: InputFile[] = [];
  for (const path of new Set(paths)) {
    try {
      const bytes = readRegularFile(path, COIN_FILE_BYTES_MAX);
      const { coins } = parseCoinFile(bytes, path, coinId);
      files.push({ path, coins });
    } catch (error) {
      const { message } = error as Error;
      problems.push(message.includes(basename(path)) ? message : `${path}: ${message}`);
    }
  }
  if (problems.length > 0) throw new InputError(problems.join('\n'));
  return files;
}

/**
 * Refuse the same coin twice: only one of the two could become ours.
 * @throws InputError
 */
export function refuseRepeatedCoins(files: readonly InputFile[]): void {
  const seen = new Map<number, string>();
  const problems: string[] = [];
  for (const { path, coins } of files) {
    for (const coin of coins) {
      const other = seen.get(coinNumber(coin));
      if (other !== undefined) problems.push(`${path}: ${coinName(coin)} is also in ${other}`);
      seen.set(coinNumber(coin), path);
    }
  }
  if (problems.length > 0) throw new InputError(problems.join('\n'));
}

/**
 * The coin whose ANs encrypt the requests: a file with that coin alone.
 * @throws InputError
 */
export function readEncryptionCoin(path: string, coinId: number): CoinKeys {
  const [coin, ...others] = readCoinFiles([path], coinId)[0]?.coins ?? [];
  if (coin && others.length === 0) return coin;
  throw new InputError(`${path}: wanted one coin to encrypt with, got ${others.length + 1}`);
}

export function coinName({ denomination, serialNumber }: Coin): string {
  return `coin ${serialNumber} of denomination ${denomination}`;
}

/** A name for these coins with these keys, the same in every run: 16 hex digits. */
export function fingerprintOf(files: readonly InputFile[]): string {
  const coins = files.flatMap((file) => file.coins);
  const hash = createHash('sha256');
  for (const coin of coins.sort((a, b) => coinNumber(a) - coinNumber(b))) {
    hash.update(`${coinNumber(coin)}:`);
    hash.update(coin.authenticationNumbers);
    hash.update(coin.proposedNumbers ?? coin.authenticationNumbers);
  }
  return hash.digest('hex').slice(0, 16);
}
