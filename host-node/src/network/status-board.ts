/** What one server of a network has heard of the others: the latest status of each. */
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import type { PeerMessage } from '@andvari/host-common/peer/peer-events';
import { type PeerStatusDocument, parsePeerStatus, STATUS_PROTOCOL } from './peer-status.ts';

export interface HeardStatus {
  status: PeerStatusDocument;
  /** By our clock. */
  heardMs: number;
}

export class StatusBoard {
  readonly #keys: readonly string[];
  readonly #nowMs: () => number;
  readonly #raidaOfPeer = new Map<string, number>();
  readonly #heard: (HeardStatus | undefined)[] = new Array(RAIDA_COUNT).fill(undefined);
  /** Statuses that were none, of another server, or older than one before. */
  refused = 0;

  /** `keys`: the instance key of each server (32 bytes), by its RAIDA id. */
  constructor(keys: readonly Uint8Array[], nowMs: () => number) {
    this.#keys = keys.map((key) => Buffer.from(key).toString('hex'));
    this.#nowMs = nowMs;
  }

  /** This peer has proved that it has this key. */
  verified({ peerId, key }: { peerId: string; key: Uint8Array }): void {
    const raida = this.#keys.indexOf(Buffer.from(key).toString('hex'));
    if (raida >= 0) this.#raidaOfPeer.set(peerId, raida);
  }

  /** A peer that has gone may come again with another id; its last status stays. */
  closed({ peerId }: { peerId: string }): void {
    this.#raidaOfPeer.delete(peerId);
  }

  /** Other messages than broadcasts of statuses are not for this. */
  take({ kind, protocol, peerId, payload }: PeerMessage): void {
    if (kind !== 'broadcast' || protocol !== STATUS_PROTOCOL) return;
    if (!this.#keep(this.#raidaOfPeer.get(peerId), payload)) this.refused++;
  }

  /** Servers whose keys have been proved by peers that are connected. */
  get verifiedCount(): number {
    return new Set(this.#raidaOfPeer.values()).size;
  }

  heard(raida: number): HeardStatus | undefined {
    return this.#heard[raida];
  }

  #keep(raida: number | undefined, payload: Uint8Array): boolean {
    let status: PeerStatusDocument;
    try {
      status = parsePeerStatus(payload);
    } catch {
      return false;
    }
    // A server speaks of itself alone.
    if (raida === undefined || status.raida !== raida) return false;
    const before = this.#heard[raida];
    if (before && status.timeMs <= before.status.timeMs) return false;
    this.#heard[raida] = { status, heardMs: this.#nowMs() };
    return true;
  }
}
