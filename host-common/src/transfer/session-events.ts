/**
 * What an application is told of its session, besides streams. What comes before it has said whom
 * to tell is held, for frames that were acked never come again: the peer may speak in the very
 * packet that completes a session, or long before an acceptor has taken it.
 */
import { TransferEventKind } from '../engine/generated/transfer.ts';
import { checkFunction, checkObject } from './argument-checks.ts';
import type { TransferEventOf } from './engine-transfer.ts';
import { placeOf } from './far-end.ts';
import type { Upgrade } from './upgrade/upgrade-state.ts';

/** What an application may want to be told. */
export interface SessionEvents {
  /** CONTROL of the application; may come twice. */
  control?(type: number, data: Uint8Array, offset: number): void;
  /** A frame of type 0x20 to 0x3f but for 0x2f, by which endpoints tell their addresses. */
  extension?(type: number, data: Uint8Array, stream: number): void;
  /** The peer takes no new streams, for a GoAwayError. */
  goAway?(error: number, reason: string): void;
  /** Packets go another way from now on (far-end.ts). */
  migrated?(farEnd: Uint8Array): void;
  rekeyed?(epoch: number): void;
  /** An attempt to find a direct way begins or ends, or such a way. Not held. */
  upgraded?(upgrade: Upgrade): void;
}

const EVENT_NAMES = ['control', 'extension', 'goAway', 'migrated', 'rekeyed', 'upgraded'] as const;
/** As many frames as the engine keeps for a session: more than any peer says by way of greeting. */
const HELD_MAX = 16;
const decoder = new TextDecoder();

export class ToldEvents {
  private told: SessionEvents = {};
  /** Undefined: the application has said whom to tell. */
  private held: TransferEventOf[] | undefined = [];
  private readonly tell: (work: () => unknown) => void;

  /** @param tell calls the application, and catches what it throws or rejects with */
  constructor(tell: (work: () => unknown) => void) {
    this.tell = tell;
  }

  get events(): SessionEvents {
    return this.told;
  }

  /** What was held is told now. */
  set events(events: SessionEvents) {
    checkObject('events', events);
    for (const name of EVENT_NAMES) {
      if (events[name] !== undefined) checkFunction(`events.${name}`, events[name]);
    }
    this.told = events;
    const held = this.held ?? [];
    this.held = undefined;
    for (const event of held) this.take(event);
  }

  /** What a session shows itself, for whoever looks later. */
  upgraded(upgrade: Upgrade): void {
    if (this.told.upgraded) this.tell(() => this.told.upgraded?.({ ...upgrade }));
  }

  /** The first frames are held; of GOAWAY, moves and rekeys the last word. */
  take(event: TransferEventOf): void {
    if (!this.held) {
      this.tell(() => call(this.told, event));
      return;
    }
    if (!isFrame(event)) this.held = this.held.filter(({ kind }) => kind !== event.kind);
    else if (this.held.filter(isFrame).length >= HELD_MAX) return;
    this.held.push(event);
  }
}

function isFrame({ kind }: TransferEventOf): boolean {
  return kind === TransferEventKind.CONTROL || kind === TransferEventKind.EXTENSION;
}

/** Gives what the application does: nothing, or a promise. */
function call(
  events: SessionEvents,
  { kind, number, value, code, path, bytes = new Uint8Array(0) }: TransferEventOf,
): unknown {
  if (kind === TransferEventKind.CONTROL) return events.control?.(number, bytes, value);
  if (kind === TransferEventKind.EXTENSION) return events.extension?.(code, bytes, number);
  if (kind === TransferEventKind.MIGRATED) return events.migrated?.(placeOf(path));
  if (kind === TransferEventKind.REKEYED) return events.rekeyed?.(number);
  if (kind !== TransferEventKind.GOAWAY) return undefined;
  return events.goAway?.(code, decoder.decode(bytes));
}
