/** What a test of the wallet page`s Ratatoskr desk needs in the place of a page. */
import type { SealedRecord } from '../../host-browser/src/storage/seal.ts';
import type { Vault } from '../../host-browser/src/storage/sealed-wallet-store.ts';
import type { RatatoskrDesk } from '../../host-browser/src/worker/ratatoskr-desk.ts';

/** Seals nothing: that is not what these tests are about. */
export function memoryVault(): Vault {
  const values = new Map<string, unknown>();
  return {
    read: async (name) => values.get(name),
    keep: async (name, value) => void values.set(name, value),
    seal: async (_, plain) => plain.slice() as unknown as SealedRecord,
    unseal: async (_, record) => record as unknown as Uint8Array<ArrayBuffer>,
  };
}

export async function viewOf(desk: RatatoskrDesk) {
  const stop = new AbortController();
  type View = Parameters<Parameters<RatatoskrDesk['watch']>[0]['progress']>[0];
  const { promise, resolve } = Promise.withResolvers<View>();
  const watching = desk.watch({ signal: stop.signal, progress: resolve });
  const view = await promise;
  stop.abort();
  await watching;
  return view;
}
