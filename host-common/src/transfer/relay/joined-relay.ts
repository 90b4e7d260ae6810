/** The relay at which a node is: how peers are called there, and who was not there. */
import { nameOf } from '../byte-strings.ts';
import type { PurposeSigner } from '../identity.ts';
import type { RelayTransport } from './relay-channel.ts';
import type { RelayClientEvents } from './relay-client.ts';
import { RelayDatagrams } from './relay-datagrams.ts';

/** Peers that were not there, of whom the relay has said so last. */
const ABSENT_MAX = 64;

export class JoinedRelay {
  /** As it is dialed. */
  readonly host: string;
  readonly datagrams: RelayDatagrams;
  private readonly absent = new Set<string>();

  /** @throws TypeError: no transport, or nobody who can sign */
  constructor(
    transport: RelayTransport,
    { peerId, signer }: { peerId: Uint8Array; signer: PurposeSigner },
    events: Omit<RelayClientEvents, 'packet'> = {},
  ) {
    this.host = transport.host;
    const notHere = (peer: Uint8Array) => {
      const [oldest] = this.absent;
      if (oldest !== undefined && this.absent.size >= ABSENT_MAX) this.absent.delete(oldest);
      this.absent.add(nameOf(peer));
      events.notHere?.(peer);
    };
    this.datagrams = new RelayDatagrams({
      ...{ transport, peerId, signer },
      events: { ...events, notHere },
    });
  }

  /** Where to call a peer; what was said of it before is forgotten. */
  farEndOf(peerId: Uint8Array): Uint8Array {
    this.absent.delete(nameOf(peerId));
    return this.datagrams.farEndOf(peerId);
  }

  /** Why a peer that is called does not answer. */
  whySilent(peerId: Uint8Array): string | undefined {
    if (!this.datagrams.isOpen) return 'the connection to the relay is lost';
    return this.absent.has(nameOf(peerId)) ? 'the peer is not at this relay' : undefined;
  }
}
