/**
 * The bans of this browser's peer node, over reloads. They are sealed as the coins are: they say
 * with whom its user has spoken. Name `bans` of the vault: StoredBans, whose record holds JSON as
 * {"bans":[{"peer_id":"12D3KooW...","until_ms":1767225600000}]}, null for those without an end.
 */
import type { GateBan } from '@andvari/host-common/peer/gate';
import type { PeerBanStore } from '@andvari/host-common/peer/peer-bans';
import { peerIdBytes, peerIdText } from '@andvari/host-common/peer/peer-id';
import type { SealedRecord } from './seal.ts';
import type { Vault } from './sealed-wallet-store.ts';

const NAME = 'bans';
const FORMAT = 1;
/** As many as the gate holds (reference: peer section 8). */
const BANS_MAX = 4096;

interface StoredBans {
  readonly format: typeof FORMAT;
  readonly sealed: SealedRecord;
}

interface StoredBan {
  readonly peer_id: string;
  readonly until_ms: number | null;
}

/** What is kept is no list of bans: a node that does not know whom it has banned does not start. */
export class VaultBansError extends Error {
  override readonly name = 'VaultBansError';
  readonly code = 'ANDVARI_PEER_BANS';

  constructor(cause?: unknown) {
    super('The list of banned peers in this browser is damaged.', { cause });
  }
}

/** For one node at a time: the wallet is open in one tab alone. */
export class VaultBans implements PeerBanStore {
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** Rejects with VaultBansError, DatabaseError. */
  async load(): Promise<GateBan[]> {
    const stored = (await this.#vault.read(NAME)) as StoredBans | undefined;
    if (stored === undefined) return [];
    try {
      if (stored.format !== FORMAT) throw new RangeError(`format ${stored.format}`);
      const bytes = await this.#vault.unseal(NAME, stored.sealed);
      return parse(new TextDecoder().decode(bytes));
    } catch (error) {
      throw new VaultBansError(error);
    }
  }

  /** Rejects with DatabaseError. */
  async save(bans: readonly GateBan[]): Promise<void> {
    const list: StoredBan[] = bans.map(({ peerId, untilMs }) => ({
      peer_id: peerIdText(peerId),
      until_ms: Number.isFinite(untilMs) ? untilMs : null,
    }));
    const bytes = new TextEncoder().encode(JSON.stringify({ bans: list }));
    const sealed = await this.#vault.seal(NAME, bytes);
    await this.#vault.keep(NAME, { format: FORMAT, sealed } satisfies StoredBans);
  }
}

/** Sealed by this wallet's own key; what is in it is looked at all the same. */
function parse(text: string): GateBan[] {
  const { bans } = JSON.parse(text) as { bans: readonly StoredBan[] };
  if (!Array.isArray(bans) || bans.length > BANS_MAX) throw new RangeError('no list of bans');
  return bans.map(({ peer_id, until_ms }: StoredBan) => {
    if (until_ms !== null && !Number.isSafeInteger(until_ms)) throw new RangeError('no time');
    return { peerId: peerIdBytes(peer_id), untilMs: until_ms ?? Number.POSITIVE_INFINITY };
  });
}
