/** A wallet's store in memory that refuses what could be saved on a disk, and not be read again. */
import { checkEntry } from '../../host-common/src/raida/wallet-record.ts';
import { MemoryWalletStore, type WalletChange } from '../../host-common/src/raida/wallet-store.ts';

export class StrictStore extends MemoryWalletStore {
  readonly refused: unknown[] = [];

  override async save(change: WalletChange): Promise<void> {
    try {
      for (const entry of change.put) checkEntry(entry);
    } catch (error) {
      this.refused.push(error);
      throw error;
    }
    await super.save(change);
  }
}
