/**
 * A peer node of this browser with what it keeps in a wallet's vault: its two keys, made at the
 * first call, and its bans. It dials, and nobody can dial it. Reference: peer sections 2, 3 and 8.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerNode, type PeerNodeOptions } from '@andvari/host-common/peer/peer-node';
import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';
import { openPeerKeys } from '../storage/peer-keys.ts';
import { VaultBans } from '../storage/peer-vault-bans.ts';
import type { Vault } from '../storage/sealed-wallet-store.ts';
import { BrowserPeerError, browserNetwork } from './websocket-network.ts';

/** What the vault and this host say is not to be said. */
type OwnOptions = 'module' | 'network' | 'signer' | 'verifier' | 'banStore';

export interface BrowserPeerOptions extends Omit<PeerNodeOptions, OwnOptions> {
  vault: Vault;
  pingMs?: number;
}

/** They are of Node's function of this name, and a browser has no way to do them. */
const IMPOSSIBLE = ['listen', 'mdns', 'discovery'];

/**
 * Not started yet. Rejects with BrowserPeerError when it is to listen or to find peers by itself,
 * with RangeError for options out of bounds, and as openPeerKeys() does; bans that are damaged are
 * told by start() (VaultBansError).
 */
export async function openPeerNode(options: BrowserPeerOptions): Promise<PeerNode> {
  const asked = IMPOSSIBLE.find((name) => Object.hasOwn(options, name));
  if (asked !== undefined) {
    throw new BrowserPeerError(`${asked}: a browser cannot listen, it dials the peers it is told`);
  }
  const { vault, pingMs, ...rest } = options;
  const { libp2pSeed, signer } = await openPeerKeys(vault);
  const network = await browserNetwork({ seed: libp2pSeed, pingMs });
  libp2pSeed.fill(0);
  return new PeerNode({
    ...rest,
    module: await plainEngine(),
    network,
    signer,
    verifier: await hostEd25519(),
    banStore: new VaultBans(vault),
  });
}
