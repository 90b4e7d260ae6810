/** Which wire versions a node speaks, and under which protocol id. Reference: peer 1, 2 and 6. */
import type { WireVersion } from './messages.ts';

/** Of the protocol id of wires 1 and 2; wire 3 has a few bytes more, and engine bounds 128. */
const ID_BYTES_MAX = 120;
const CHALLENGED = '/hs3';
const encoder = new TextEncoder();

export class PeerWires {
  /** `/{network}/{instance}`: wires 1 and 2, and the name of the topic. */
  readonly basicId: string;
  /** The same with /hs3: wire 3. */
  readonly challengedId: string;
  /** The one of wires 1 and 2 that is spoken; 0: none. */
  readonly basic: 0 | 1 | 2;
  /** What is offered, the best first. */
  readonly protocols: string[];

  /**
   * `wires`: some of 3 and one of 2 and 1, which have one protocol id. Throws RangeError for other
   * ones, and for names that are empty or, with their two slashes, longer than 120 bytes.
   */
  constructor(networkName: string, instanceId: string, wires: readonly WireVersion[]) {
    this.basicId = `/${networkName}/${instanceId}`;
    this.challengedId = this.basicId + CHALLENGED;
    const isNamed = networkName !== '' && instanceId !== '' && this.basicId.isWellFormed();
    if (!isNamed || encoder.encode(this.basicId).length > ID_BYTES_MAX) {
      throw new RangeError('peer node: wanted a network and an instance of at most 118 bytes');
    }
    const isKnown = wires.every((wire) => [1, 2, 3].includes(wire));
    const [has1, has2, has3] = [wires.includes(1), wires.includes(2), wires.includes(3)];
    if (!isKnown || wires.length === 0 || (has1 && has2)) {
      throw new RangeError('peer node: wires are 3 and one of 2 and 1');
    }
    this.basic = has2 ? 2 : has1 ? 1 : 0;
    this.protocols = [...(has3 ? [this.challengedId] : []), ...(this.basic ? [this.basicId] : [])];
  }

  /** Of a stream of the protocol. */
  of(protocol: string): WireVersion {
    return protocol === this.challengedId || this.basic === 0 ? 3 : this.basic;
  }

  protocolOf(wire: WireVersion): string {
    return wire === 3 ? this.challengedId : this.basicId;
  }
}
