/** The relay of a node, dialed over `ws`. */
import { JoinedRelay } from '@andvari/host-common/transfer/relay/joined-relay';
import type { NodeIdentity } from './node-identity.ts';
import { WsRelay, type WsRelayOptions } from './relay/ws-relay.ts';

export class NodeRelay extends JoinedRelay {
  /** @throws TypeError, RangeError: no address of a relay */
  constructor(options: WsRelayOptions, identity: NodeIdentity) {
    super(new WsRelay(options), identity);
  }
}
