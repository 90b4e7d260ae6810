/** The bans of a peer node: told when they begin, and kept by the host over a restart. */
import { nameOf } from '../transfer/byte-strings.ts';
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
/** Between two saves: whoever floods us with strangers to ban has no more writes than that. */
const SAVE_MS = 1000;

interface Known {
  peerId: string;
  untilMs: number;
}

export class PeerBans {
  private readonly gate: PeerGate;
  private readonly clock: PeerClock;
  private readonly events: PeerEvents;
  private readonly store: PeerBanStore | undefined;
  /** By the bytes of the id: its text is made once. */
  private known = new Map<string, Known>();
  private cancelLook: (() => void) | undefined;
  /** Of the last save: what went wrong with it. */
  private saving: Promise<Error | undefined> = Promise.resolve(undefined);
  private isSaveDue = false;
  /** Set from a save on, until the next may be. */
  private cancelPause: (() => void) | undefined;

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
    return [...this.current().values()];
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
    for (const [name, { peerId, untilMs }] of this.known) {
      if (before.get(name)?.untilMs === untilMs) continue;
      isChanged = true;
      this.events.emit('banned', { peerId, untilMs });
    }
    if (isChanged) this.saveSoon();
  }

  /** Resolves when the store has the bans of now; rejects like the store. */
  async keep(): Promise<void> {
    this.look();
    // What could not be kept is tried again.
    if (this.isSaveDue || (await this.saving)) this.save();
    const trouble = await this.saving;
    if (trouble) throw trouble;
  }

  /** When all is kept. */
  async stop(): Promise<void> {
    this.look();
    this.cancelLook?.();
    if (this.isSaveDue) this.save();
    this.cancelPause?.();
    await this.saving;
  }

  private current(): Map<string, Known> {
    const bans = this.gate.bans().map(({ peerId, untilMs }): [string, Known] => {
      const name = nameOf(peerId);
      return [name, { peerId: this.known.get(name)?.peerId ?? peerIdText(peerId), untilMs }];
    });
    return new Map(bans);
  }

  /** At once, or when the pause after the last one is over. */
  private saveSoon(): void {
    if (!this.store) return;
    this.isSaveDue = true;
    if (!this.cancelPause) this.save();
  }

  /** One at a time; what changes meanwhile is kept by the next. */
  private save(): void {
    this.isSaveDue = false;
    this.cancelPause?.();
    this.cancelPause = this.clock.after(SAVE_MS, () => {
      this.cancelPause = undefined;
      if (this.isSaveDue) this.save();
    });
    this.saving = this.saving.then(async () => {
      try {
        await this.store?.save(this.gate.bans());
        return undefined;
      } catch (error) {
        this.events.emit('trouble', { error: error as Error });
        return error as Error;
      }
    });
  }
}
