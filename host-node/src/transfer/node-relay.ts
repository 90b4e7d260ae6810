/** The relay of a node, dialed over `ws`; it is looked at when the network here is another one. */
import { JoinedRelay } from '@andvari/host-common/transfer/relay/joined-relay';
import { NetworkWatch } from './network-watch.ts';
import type { NodeIdentity } from './node-identity.ts';
import { WsRelay, type WsRelayOptions } from './relay/ws-relay.ts';

export class NodeRelay extends JoinedRelay {
  /**
   * @param networkChanged told besides, while the relay is joined
   * @throws TypeError, RangeError: no address of a relay
   */
  constructor(options: WsRelayOptions, identity: NodeIdentity, networkChanged = () => {}) {
    const watch = new NetworkWatch(() => {
      datagrams.networkChanged();
      networkChanged();
    });
    super(new WsRelay(options), identity, {
      changed: ({ state }) => (state === 'closed' ? watch.stop() : watch.start()),
    });
    const { datagrams } = this;
  }
}
