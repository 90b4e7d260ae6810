/** The bans of a peer node: told when they begin, and kept by the host over a restart. */
import type { GateBan, PeerGate } from './gate.ts';
import type { PeerClock } from './peer-clock.ts';
import type { PeerEvents } from './peer-events.ts';
import { peerIdText } from './peer-id.ts';

/** Where the host keeps the bans. */
export interface PeerBanStore {
  load(): Promise<readonly GateBan[]>;
  /** All of them: what was there before is over. */
  save(bans: readonly GateBan[]): Promise<void>;
}

/** The gate is asked at most so often: it may hold thousands. */
const LOOK_MS = 50;

export class PeerBans {
  private readonly gate: PeerGate;
  private readonly clock: PeerClock;
  private readonly events: PeerEvents;
  private readonly store: PeerBanStore | undefined;
  private known = new Map<string, number>();
  private cancelLook: (() => void) | undefined;
  private saving: Promise<void> = Promise.resolve();
  private isSaveDue = false;

  constructor(options: {
    gate: PeerGate;
    clock: PeerClock;
    events: PeerEvents;
    store: PeerBanStore | undefined;
  }) {
    this.gate = options.gate;
    this.clock = options.clock;
    this.events = options.events;
    this.store = options.store;
  }

  /** Rejects like the store: a node that does not know whom it has banned does not start. */
  async load(): Promise<void> {
    const now = this.clock.nowMs();
    for (const { peerId, untilMs } of (await this.store?.load()) ?? []) {
      if (untilMs > now) this.gate.ban(peerId, untilMs, now);
    }
    this.known = this.current();
  }

  list(): { peerId: string; untilMs: number }[] {
    return [...this.current()].map(([peerId, untilMs]) => ({ peerId, untilMs }));
  }

  /** There may be others now. */
  mayHaveChanged(): void {
    this.cancelLook ??= this.clock.after(LOOK_MS, () => this.look());
  }

  /** Tells what is new, and has it kept. */
  look(): void {
    this.cancelLook?.();
    this.cancelLook = undefined;
    const before = this.known;
    this.known = this.current();
    let isChanged = before.size !== this.known.size;
    for (const [peerId, untilMs] of this.known) {
      if (before.get(peerId) === untilMs) continue;
      isChanged = true;
      this.events.emit('banned', { peerId, untilMs });
    }
    if (isChanged) this.save();
  }

  /** When all is kept. */
  async stop(): Promise<void> {
    this.look();
    this.cancelLook?.();
    await this.saving;
  }

  private current(): Map<string, number> {
    return new Map(this.gate.bans().map(({ peerId, untilMs }) => [peerIdText(peerId), untilMs]));
  }

  /** One at a time; what changes meanwhile is kept by the next. */
  private save(): void {
    if (!this.store || this.isSaveDue) return;
    this.isSaveDue = true;
    this.saving = this.saving.then(async () => {
      this.isSaveDue = false;
      try {
        await this.store?.save(this.gate.bans());
      } catch (error) {
        this.events.emit('trouble', { error: error as Error });
      }
    });
  }
}
