import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import {
  authenticationNumber,
  type Coin,
  type CoinKeys,
  formatUnits,
  KEYS_BYTES,
  totalUnits,
} from '@andvari/host-common/raida/coin';
import { formatCoinFile } from '@andvari/host-common/raida/coin-file';
import { openDigests } from '@andvari/host-common/raida/digests';
import { QUORUM } from '@andvari/host-common/raida/grading';
import type { ServerPass } from '@andvari/host-common/raida/outcome';
import { type FreeSerials, serialNumbers } from '@andvari/host-common/raida/serial-ranges';
import { makeDirectory } from '../files/directory.ts';
import { createFileDurably } from '../files/durable-file.ts';
import {
  type AdminConnection,
  type AdminOptions,
  missesOf,
  parseNumbers,
  reportMisses,
  wantPassed,
  withAdmin,
} from './admin-connection.ts';
import type { CommandContext } from './command-context.ts';
import { ExitCode } from './exit-code.ts';
import { InputError, readCoinFiles, refuseRepeatedCoins } from './wallet-input.ts';
import { nounOf } from './wallet-report.ts';

/** Coins that one command makes: what a server offers of a denomination in one answer. */
export const CREATE_COINS_MAX = 1000;
/** Coins of one request: 3000 with their ANs are 63 KB. */
const REQUEST_COINS = 3000;
const SERIAL_MAX = 0xffffffff;

export interface CreateOptions extends AdminOptions {
  denomination: number;
  count: number;
  out?: string;
}

export interface FreeOptions extends AdminOptions {
  denomination?: number;
  serials?: string;
}

/** The servers agree on too few free serial numbers. */
export class NoFreeSerialsError extends Error {
  readonly code = 'ANDVARI_NO_FREE_COINS';
  override readonly name = 'NoFreeSerialsError';
}

/**
 * `andvari admin create`: new coins on all servers. Their file is on the disk before the servers
 * hear of them; their ANs are what each server makes of its number, the serial number and the key.
 */
export function create(options: CreateOptions, context: CommandContext): Promise<void> {
  const json = options.json ?? false;
  const { denomination, count } = options;
  return withAdmin(options, context, async (connection) => {
    const { client, admin, raidaIds } = connection;
    const asked = { signal: context.signal, raidaIds };
    const wanted = Math.min(QUORUM, raidaIds.length);
    const offers = await client.executive.freeSerials(admin, [denomination], asked);
    const good = wantPassed(offers, wanted);
    const coins = commonSerials(good, count).map((serialNumber) => ({
      denomination,
      serialNumber,
    }));
    const keys = await createdKeys(coins, admin.adminKey);
    const tag = `created ${randomBytes(2).toString('hex')}`;
    const { coinId } = connection.network;
    const { name, bytes } = formatCoinFile(keys, { tag, coinId });
    const directory = options.out ?? '.';
    makeDirectory(directory, 0o700);
    const path = join(directory, name);
    createFileDurably(path, bytes);
    const servers = good.map(({ raidaId }) => raidaId);
    const made = await client.executive.create(admin, coins, { ...asked, raidaIds: servers });
    const misses = [...missesOf(offers), ...missesOf(made)];
    const done = raidaIds.length - misses.length;
    const value = formatUnits(totalUnits(coins));
    if (json) context.event({ event: 'created', coins: count, value, servers: done, file: path });
    else {
      context.result(path);
      context.note(`${nounOf(count)}, ${value}, made on ${done} of ${raidaIds.length} servers`);
    }
    reportMisses(misses, { json, context });
    if (done < wanted) {
      context.exitCode = ExitCode.INTEGRITY;
      if (!json) context.note('on too few servers: the coins in the file are not authentic');
    } else if (!json)
      context.note('pown them: whoever has the admin key can compute their secrets');
  });
}

/** Numbers that every server offers, the first ones of the first server's list. */
function commonSerials(offers: readonly ServerPass<FreeSerials[]>[], count: number): number[] {
  const lists = offers.map(({ value }) => {
    const ranges = value.flatMap((free) => free.ranges);
    return new Set(serialNumbers(ranges, 2 * CREATE_COINS_MAX));
  });
  const [first = new Set<number>()] = lists;
  const common = [...first].filter((number) => lists.every((list) => list.has(number)));
  if (common.length >= count) return common.slice(0, count);
  const problem = `wanted ${count} free serial numbers, the servers agree on ${common.length}`;
  throw new NoFreeSerialsError(`${problem}; reservations of others end after 16 s`);
}

/** The ANs that 3/130 gives: MD5 of RAIDA number, serial number (decimal) and key (hex). */
async function createdKeys(coins: readonly Coin[], adminKey: Uint8Array): Promise<CoinKeys[]> {
  const digests = await openDigests();
  const hex = Buffer.from(adminKey).toString('hex');
  return coins.map((coin) => {
    const authenticationNumbers = new Uint8Array(KEYS_BYTES);
    for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
      const text = Buffer.from(`${raidaId}${coin.serialNumber}${hex}`, 'ascii');
      authenticationNumber(authenticationNumbers, raidaId).set(digests.md5(text));
    }
    return { ...coin, authenticationNumbers };
  });
}

/** `andvari admin delete`: takes coins out of circulation where their ANs are right. */
export function deleteCoins(
  paths: readonly string[],
  options: AdminOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  return withAdmin(options, context, async (connection) => {
    const coins = coinsOf(paths, connection);
    const { client, admin, raidaIds } = connection;
    const counts = coins.map(() => 0);
    for (let start = 0; start < coins.length; start += REQUEST_COINS) {
      const part = coins.slice(start, start + REQUEST_COINS);
      const asked = { signal: context.signal, raidaIds };
      const outcomes = await client.executive.delete(admin.adminKey, part, asked);
      for (const { value } of wantPassed(outcomes, 1)) {
        for (const [index, { status }] of value.entries()) {
          if (status === 'pass') counts[start + index] = (counts[start + index] ?? 0) + 1;
        }
      }
      reportMisses(missesOf(outcomes), { json, context });
    }
    for (const [index, { denomination, serialNumber }] of coins.entries()) {
      const servers = counts[index] ?? 0;
      if (json) context.event({ event: 'deleted', denomination, serialNumber, servers });
      else if (servers < raidaIds.length) {
        const name = `denomination ${denomination}, serial number ${serialNumber}`;
        context.result(`${name}: deleted on ${servers} of ${raidaIds.length} servers`);
      }
    }
    const all = raidaIds.length === connection.network.servers.length;
    const asked = all ? 'all servers' : `the ${raidaIds.length} servers that were asked`;
    const whole = counts.filter((servers) => servers === raidaIds.length).length;
    if (!json) context.note(`${whole} of ${coins.length} coins deleted on ${asked}`);
    if (whole < coins.length) context.exitCode = Math.max(context.exitCode, ExitCode.INTEGRITY);
  });
}

/**
 * `andvari admin free`: takes coins out of circulation whatever their ANs. A server does not say
 * whether they were in it, or are coins of its at all.
 */
export function free(
  paths: readonly string[],
  options: FreeOptions,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  return withAdmin(options, context, async (connection) => {
    const coins = paths.length > 0 ? coinsOf(paths, connection) : namedCoins(options);
    const { client, admin, raidaIds } = connection;
    for (let start = 0; start < coins.length; start += REQUEST_COINS) {
      const part = coins.slice(start, start + REQUEST_COINS);
      const asked = { signal: context.signal, raidaIds };
      const outcomes = await client.executive.free(admin, part, asked);
      const done = wantPassed(outcomes, 1).length;
      if (json) context.event({ event: 'freed', coins: part.length, servers: done });
      else {
        const servers = `${done} of ${raidaIds.length} servers`;
        context.note(`${nounOf(part.length)}: ${servers} have none of them in circulation now`);
      }
      reportMisses(missesOf(outcomes), { json, context });
    }
  });
}

function coinsOf(paths: readonly string[], { network }: AdminConnection): CoinKeys[] {
  const files = readCoinFiles(paths, network.coinId);
  refuseRepeatedCoins(files);
  return files.flatMap(({ coins }) => coins);
}

function namedCoins({ denomination, serials }: FreeOptions): Coin[] {
  const numbers = parseNumbers(serials ?? '', SERIAL_MAX, REQUEST_COINS);
  if (denomination === undefined || !numbers) {
    throw new InputError('wanted coin files, or --denomination and --serials such as 5,100-120');
  }
  return numbers.map((serialNumber) => ({ denomination, serialNumber }));
}
