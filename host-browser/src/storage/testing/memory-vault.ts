/** A vault of a test. */
import { createSeal, seal, unseal } from '../seal.ts';
import type { Vault } from '../sealed-wallet-store.ts';

/** Values as IndexedDB keeps them: by structured clone. */
export async function memoryVault(): Promise<Vault & { values: Map<string, unknown> }> {
  const { key } = await createSeal('copper kettle under the falls');
  const values = new Map<string, unknown>();
  return {
    values,
    read: async (name) => values.get(name),
    keep: async (name, value) => void values.set(name, structuredClone(value)),
    seal: (name, bytes) => seal(key, name, 1, bytes),
    unseal: (name, record) => unseal(key, name, record),
  };
}
