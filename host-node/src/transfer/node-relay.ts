/** The relay of a node: how peers are called there, and who was not there. */
import { nameOf } from '@andvari/host-common/transfer/byte-strings';
import { RelayDatagrams } from '@andvari/host-common/transfer/relay/relay-datagrams';
import type { NodeIdentity } from './node-identity.ts';
import { WsRelay, type WsRelayOptions } from './relay/ws-relay.ts';

/** Peers that were not there, of whom the relay has said so last. */
const ABSENT_MAX = 64;

export class NodeRelay {
  /** As it is dialed. */
  readonly host: string;
  readonly datagrams: RelayDatagrams;
  readonly #absent = new Set<string>();

  /** @throws TypeError, RangeError: no address of a relay */
  constructor(options: WsRelayOptions, { peerId, signer }: NodeIdentity) {
    const transport = new WsRelay(options);
    this.host = transport.host;
    const notHere = (peer: Uint8Array) => {
      const [oldest] = this.#absent;
      if (oldest !== undefined && this.#absent.size >= ABSENT_MAX) this.#absent.delete(oldest);
      this.#absent.add(nameOf(peer));
    };
    this.datagrams = new RelayDatagrams({ transport, peerId, signer, events: { notHere } });
  }

  /** Where to call a peer; what was said of it before is forgotten. */
  farEndOf(peerId: Uint8Array): Uint8Array {
    this.#absent.delete(nameOf(peerId));
    return this.datagrams.farEndOf(peerId);
  }

  /** Why a peer that is called does not answer. */
  whySilent(peerId: Uint8Array): string | undefined {
    if (!this.datagrams.isOpen) return 'the connection to the relay is lost';
    return this.#absent.has(nameOf(peerId)) ? 'the peer is not at this relay' : undefined;
  }
}
