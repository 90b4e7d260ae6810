/** The examples of docs/api.md work, and the document shows them as they are. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeCodec, FakeNetwork } from '../../../../tests/client/fake-server.ts';
import { TwinNetwork } from '../../../../tests/twin/twin-network.ts';
import { VECTOR_ADMIN_KEY, vectorKeys } from '../../../../tests/twin/vector-state.ts';
import { RaidaClient } from '../client.ts';
import { formatCoinFile } from '../coin-file.ts';
import type { RaidaNetwork } from '../network.ts';
import { MemoryWalletStore } from '../wallet-store.ts';
import { describeFile, joinFiles } from './coin-file.ts';
import { clientOf, coinsInCirculation, gradesOf, powns } from './raida-client.ts';
import { breakCoin, openWallet, receive, receiveFile, send } from './wallet.ts';

const network: RaidaNetwork = {
  wire: 'spec',
  coinId: 6,
  servers: Array.from({ length: 25 }, (_, raidaId) => ({
    raidaId,
    url: `udp://127.0.0.1:${50000 + raidaId}`,
  })),
};
const coin = (serialNumber: number) => {
  const name = { denomination: 0, serialNumber };
  return { ...name, authenticationNumbers: vectorKeys(name) };
};

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('examples', () => {
  test('coin files', () => {
    const files = [formatCoinFile([coin(1)]), formatCoinFile([coin(2), coin(3)])];
    const joined = joinFiles(files, 'all');
    expect(joined.name).toBe("3 CloudCoin #3 'all'.bin");
    expect(describeFile(joined)).toBe('3 coins, 3');
    expect(describeFile({ name: 'x.bin', bytes: joined.bytes.slice(0, 40) })).toMatch(/^byte 40/);
  });

  test('the client', async () => {
    const transport = new TwinNetwork({ wire: 'spec', pages: 2, adminKey: VECTOR_ADMIN_KEY });
    const fake = { ...coin(5), authenticationNumbers: new Uint8Array(400) };
    for (const key of [undefined, coin(100)]) {
      const client = await clientOf(network, transport, key);
      expect(await gradesOf(client, [coin(4), fake])).toEqual(['authentic', 'counterfeit']);
      expect((await coinsInCirculation(client)).get(3)).toBe(15 * 1024);
      expect(await powns(client, 3, VECTOR_ADMIN_KEY)).toBe(0n);
      await expect(powns(client, 3, new Uint8Array(16))).rejects.toMatchObject({
        code: 'ANDVARI_REFUSED',
      });
    }
  });

  test('the wallet', async () => {
    const servers = new FakeNetwork();
    const client = new RaidaClient({ codec: new FakeCodec(), transport: servers });
    const wallet = await openWallet(new MemoryWalletStore(), client);
    const coins = [0, 1].map((denomination) => servers.mint({ denomination, serialNumber: 900 }));
    const { signal } = new AbortController();
    expect(await receiveFile(wallet, formatCoinFile(coins), signal)).toEqual([1, 2]);
    expect(await breakCoin(wallet, 2)).toHaveLength(10);
    const stages: string[] = [];
    const code = await send(wallet, 3_00000000n, ({ stage }) => stages.push(stage));
    expect([...new Set(stages)]).toEqual(['detect', 'put']);
    const other = await openWallet(new MemoryWalletStore(), client);
    expect(await receive(other, code)).toHaveLength(3);
    expect(other.totals().grades.authentic.units).toBe(3_00000000n);
  });

  test.each(['coin-file', 'raida-client', 'wallet'])('docs/api.md shows %s.ts', (name) => {
    const text = readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8');
    const document = readFileSync(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
    // The imports differ: the document names packages.
    const body = text.slice(text.indexOf('\n/**', 10)).trim();
    expect(document).toContain(body);
  });
});
