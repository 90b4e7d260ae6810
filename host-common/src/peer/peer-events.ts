/** What a peer node tells: who is verified, what came, and how each message goes on its way. */
import type { WireVersion } from './messages.ts';

/** The states of a message's way; of a peer with which nothing is under way: handshaked. */
export type FlowState =
  | 'handshaked'
  /** Sent by us, or waiting to be. */
  | 'request-pending'
  /** Of the peer's: let through, its handler runs. */
  | 'processing'
  | 'response-sent'
  | 'error-sent';

export interface FlowEvent {
  peerId: string;
  state: FlowState;
  /** Whose request it is about; none: about the peer as such. */
  direction?: 'in' | 'out';
  protocol?: string;
  messageId?: bigint;
}

/** What a peer sent, to us or to everybody. */
export interface PeerMessage {
  /** Whoever wrote it. */
  peerId: string;
  kind: 'direct' | 'broadcast';
  protocol: string;
  /** As its sender counts. */
  messageId: bigint;
  roundId: number;
  payload: Uint8Array;
  /** Of direct ones. */
  metadata: Uint8Array | null;
}

export interface PeerNodeEvents {
  /** `key`: its instance key, 32 bytes. */
  verified: { peerId: string; key: Uint8Array; wire: WireVersion };
  /** Closed by us: TIMEOUT, HANDSHAKES, BANNED, REMOVED, VERSION. */
  failed: { peerId: string; reason: FailReason };
  /** `untilMs`: Infinity for until unban(). */
  banned: { peerId: string; untilMs: number };
  /** Its last connection has closed. */
  closed: { peerId: string };
  /** A dial of keepConnected came to nothing; there will be another one. */
  unreachable: { address: string; error: Error };
  /** A message that was let through; for direct ones a handler answers besides. */
  message: PeerMessage;
  flow: FlowEvent;
  /** Something of this host does not work: the list of bans cannot be kept. */
  trouble: { error: Error };
}

export type FailReason = 'TIMEOUT' | 'BANNED' | 'HANDSHAKES' | 'REMOVED' | 'VERSION';

export class PeerEvents {
  private readonly listeners = new Map<keyof PeerNodeEvents, Set<(event: never) => void>>();

  /** Gives what ends it. */
  on<Name extends keyof PeerNodeEvents>(
    name: Name,
    listener: (event: PeerNodeEvents[Name]) => void,
  ): () => void {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners);
    // One that is there twice is called twice, and ended by itself.
    const own = (event: PeerNodeEvents[Name]) => listener(event);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  /** A listener that throws harms neither the node nor the others. */
  emit<Name extends keyof PeerNodeEvents>(name: Name, event: PeerNodeEvents[Name]): void {
    for (const listener of this.listeners.get(name) ?? []) {
      try {
        (listener as (event: PeerNodeEvents[Name]) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
