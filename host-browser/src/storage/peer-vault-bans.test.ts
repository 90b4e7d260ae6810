import type { GateBan } from '@andvari/host-common/peer/gate';
import { describe, expect, it } from 'vitest';
import { VaultBans } from './peer-vault-bans.ts';
import { memoryVault } from './testing/memory-vault.ts';

const idOf = (byte: number) =>
  Uint8Array.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20, ...new Array(32).fill(byte)]);
const BANS: GateBan[] = [
  { peerId: idOf(1), untilMs: 1_767_225_600_000 },
  { peerId: idOf(2), untilMs: Number.POSITIVE_INFINITY },
];

describe('the bans in a vault', () => {
  it('are none at first, and then those that were kept last', async () => {
    const vault = await memoryVault();
    expect(await new VaultBans(vault).load()).toEqual([]);
    await new VaultBans(vault).save(BANS);
    expect(await new VaultBans(vault).load()).toEqual(BANS);
    await new VaultBans(vault).save([]);
    expect(await new VaultBans(vault).load()).toEqual([]);
  });

  it.each([
    ['a list in clear', async () => ({ format: 1, bans: [] })],
    ['another version', async () => ({ format: 2 })],
    ['a record of elsewhere', sealedAs('device', '{"bans":[]}')],
    ['no list', sealedAs('bans', '{"bans":{}}')],
    ['no time', sealedAs('bans', '{"bans":[{"peer_id":"x","until_ms":"soon"}]}')],
    ['no peer id', sealedAs('bans', '{"bans":[{"peer_id":"x","until_ms":1}]}')],
  ])('are refused: %s', async (_, make) => {
    const vault = await memoryVault();
    vault.values.set('bans', await make(vault));
    await expect(new VaultBans(vault).load()).rejects.toMatchObject({
      code: 'ANDVARI_PEER_BANS',
    });
  });
});

function sealedAs(name: string, text: string) {
  return async (vault: Awaited<ReturnType<typeof memoryVault>>) => ({
    format: 1,
    sealed: await vault.seal(name, new TextEncoder().encode(text)),
  });
}
