/** How programs use Wallet: docs/api.md shows this file. */
import type { RaidaClient } from '../client.ts';
import { type NamedFile, parseCoinFile } from '../coin-file.ts';
import { Wallet } from '../wallet.ts';
import type { WalletStage } from '../wallet-stage.ts';
import type { WalletStore } from '../wallet-store.ts';

/** Opens a wallet and finishes what an earlier run was cut off in. */
export async function openWallet(store: WalletStore, client: RaidaClient): Promise<Wallet> {
  const wallet = await Wallet.open({ store, client });
  await wallet.resolvePending();
  return wallet;
}

/** Takes a coin file in: afterwards nobody else can spend its coins. Gives what is ours. */
export async function receiveFile(wallet: Wallet, file: NamedFile, signal: AbortSignal) {
  const { added } = await wallet.importCoins(parseCoinFile(file.bytes, file.name));
  await wallet.takeOwnership(added, {
    signal,
    onLights: ({ raidaId, ids, lights }) => console.log(raidaId, ids, lights),
  });
  const owned = added.filter((id) => wallet.coin(id)?.owned);
  await wallet.heal(owned, { signal });
  return owned;
}

/** Sends an amount: the receiver needs nothing but the code. */
export async function send(
  wallet: Wallet,
  units: bigint,
  onStage: (stage: WalletStage) => void,
): Promise<string> {
  const { code, locked, pending } = await wallet.lock({ units }, { onStage });
  if (locked.length === 0) throw new Error(`nothing was locked, ${pending.length} coins pending`);
  return code;
}

/** Receives what somebody has sent. */
export async function receive(wallet: Wallet, code: string): Promise<number[]> {
  const { coins } = await wallet.peek(code);
  console.log(coins.map(({ denomination, servers }) => `10^${denomination} on ${servers}`));
  return (await wallet.unlock(code)).taken;
}

/** Small change for a coin. */
export async function breakCoin(wallet: Wallet, id: number): Promise<number[]> {
  const { outcome, made } = await wallet.change({ break: id });
  return outcome === 'changed' ? made : [];
}
