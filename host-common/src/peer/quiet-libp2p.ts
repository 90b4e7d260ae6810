/**
 * What libp2p does for each stream and nobody here needs: a logger of its own for each object, and
 * a look into the peer store and a record written there.
 */
import type { Libp2p, Libp2pOptions } from 'libp2p';

type ComponentLogger = NonNullable<Libp2pOptions['logger']>;
type PeerStore = Libp2p['peerStore'];
type Merge = PeerStore['merge'];

const silent = Object.assign(() => {}, {
  ...{ enabled: false, error: () => {}, trace: () => {} },
  newScope: () => silent,
}) as ReturnType<ComponentLogger['forComponent']>;

/** Says nothing, also with DEBUG. */
export const silentLogger: ComponentLogger = { forComponent: () => silent };

/**
 * Has a protocol of a peer written once, not with each of its streams; until the peer is deleted.
 * `own`: of our own, what is merged may be taken back by other calls.
 */
export function mergeOnce(peerStore: PeerStore, own: { toString(): string }): void {
  const known = new Map<string, Set<string>>();
  const merge = peerStore.merge.bind(peerStore);
  const remove = peerStore.delete.bind(peerStore);
  const ownText = own.toString();
  const mergeNew: Merge = async (peer, data, options) => {
    const text = peer.toString();
    const { protocols = [], ...others } = data;
    const isPlain = text !== ownText && Object.keys(others).length === 0;
    const have = known.get(text);
    if (isPlain && have && protocols.every((protocol) => have.has(protocol))) {
      // Of a stream, which asks for nothing that it gets here.
      return undefined as unknown as Awaited<ReturnType<Merge>>;
    }
    const merged = await merge(peer, data, options);
    if (isPlain) known.set(text, new Set([...(have ?? []), ...protocols]));
    return merged;
  };
  const removeAll: PeerStore['delete'] = (peer, options) => {
    known.delete(peer.toString());
    return remove(peer, options);
  };
  Object.assign(peerStore, { merge: mergeNew, delete: removeAll });
}
