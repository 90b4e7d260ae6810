/** The keys of rekeys: drawn, shared and dropped when the engine asks. Reference: transfer 4.7. */
import { TransferEventKind } from '../engine/generated/transfer.ts';
import { decodeRepresentative } from './elligator2.ts';
import type { EngineTransfer, TransferEventOf } from './engine-transfer.ts';
import type { Ephemerals } from './ephemerals.ts';
import type { X25519Provider, X25519Secret } from './x25519.ts';

export class RekeyKeys {
  private readonly transfer: EngineTransfer;
  private readonly ephemerals: Ephemerals;
  private readonly x25519: X25519Provider;
  /** Our key of the rekey under way, by session. */
  private readonly keys = new Map<number, X25519Secret>();

  constructor(transfer: EngineTransfer, ephemerals: Ephemerals, x25519: X25519Provider) {
    this.transfer = transfer;
    this.ephemerals = ephemerals;
    this.x25519 = x25519;
  }

  /** Answers an event that is about a rekey; false: it is about something else. */
  take({ kind, session, bytes }: TransferEventOf): boolean {
    if (kind === TransferEventKind.REKEY_KEY) {
      this.forget(session);
      const { secret, representative } = this.ephemerals.take();
      this.keys.set(session, this.x25519.secret(secret));
      secret.fill(0);
      this.transfer.rekeyKey(session, representative);
      return true;
    }
    if (kind !== TransferEventKind.REKEY_SECRET) return false;
    const theirs = bytes && decodeRepresentative(bytes);
    // A key of small order gives nothing: the engine closes the session for a secret of zeros.
    const shared = theirs && this.keys.get(session)?.shared(theirs);
    this.transfer.rekeySecret(session, shared ?? new Uint8Array(32));
    shared?.fill(0);
    this.forget(session);
    return true;
  }

  forget(session: number): void {
    this.keys.get(session)?.wipe();
    this.keys.delete(session);
  }

  drop(): void {
    for (const session of [...this.keys.keys()]) this.forget(session);
  }
}
