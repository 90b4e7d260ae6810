/** How programs use RaidaClient: docs/api.md shows this file. */
import { plainEngine } from '../../engine/module.ts';
import { encryptWith, RaidaClient } from '../client.ts';
import { EngineCodec } from '../codec.ts';
import type { CoinKeys } from '../coin.ts';
import { gradeCoin } from '../grading.ts';
import type { EncryptionChoice } from '../lanes.ts';
import type { RaidaNetwork } from '../network.ts';
import { passed, resultOf } from '../outcome.ts';
import type { RaidaTransport } from '../transport.ts';

/** A client of a network; with a coin that all servers know, its requests are encrypted. */
export async function clientOf(
  network: RaidaNetwork,
  transport: RaidaTransport,
  encryptionCoin?: CoinKeys,
): Promise<RaidaClient> {
  const codec = new EngineCodec(await plainEngine(), network);
  const encryption: EncryptionChoice = encryptionCoin
    ? encryptWith(encryptionCoin)
    : () => undefined;
  const raidaIds = network.servers.map(({ raidaId }) => raidaId);
  return new RaidaClient({ codec, transport, raidaIds, encryption });
}

/** Authentic, counterfeit or in limbo? Commands about coins give [coin index][RAIDA id]. */
export async function gradesOf(client: RaidaClient, coins: readonly CoinKeys[]) {
  const answers = await client.detect(coins, { timeoutMs: 3000 });
  return answers.map((row) => gradeCoin(row.map(({ status }) => status)).name);
}

/** Other commands give an outcome for each server: a value, or a typed reason why there is none. */
export async function coinsInCirculation(client: RaidaClient): Promise<Map<number, number>> {
  const outcomes = await client.status.audit();
  return new Map(
    passed(outcomes).map(({ raidaId, value }) => [
      raidaId,
      value.reduce((sum, { count }) => sum + count, 0),
    ]),
  );
}

/** One server alone. Throws RefusedError, ReplyError or TransportError: each has a `code`. */
export async function powns(client: RaidaClient, raidaId: number, adminKey: Uint8Array) {
  const [outcome] = await client.status.statistics(adminKey, { raidaIds: [raidaId] });
  return outcome ? resultOf(outcome).powns : 0n;
}
