/**
 * A peer node of this host with what it keeps in a folder: its two keys, made at the first start,
 * and its bans. Reference: peer sections 2, 3 and 8.
 */
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerNode, type PeerNodeOptions } from '@andvari/host-common/peer/peer-node';
import { makeDirectory } from '../files/directory.ts';
import { NodeEd25519Signer, NodeEd25519Verifier } from '../ratatoskr/node-ed25519.ts';
import { createIdentity, loadIdentity } from '../transfer/identity-store.ts';
import { BanFile } from './ban-file.ts';
import { type NodeNetworkOptions, nodeNetwork } from './libp2p-network.ts';

/** What the folder and this host say is not to be said. */
type OwnOptions = 'module' | 'network' | 'signer' | 'verifier' | 'banStore';

export interface NodePeerOptions extends Omit<PeerNodeOptions, OwnOptions> {
  /** Made when it is not there, mode 0700. */
  folder: string;
  /** Those of peerFiles() that are elsewhere. */
  files?: Partial<PeerFiles>;
  listen: NodeNetworkOptions['listen'];
  pingMs?: number;
  mdns?: NodeNetworkOptions['mdns'];
  /** Of both key files; they are sealed with it when they are made. */
  passphrase?: string;
}

/** The keys of a peer node. */
export interface PeerKeys {
  /** 32 bytes: of the key that libp2p proves. Whoever has used it wipes it. */
  libp2pSeed: Uint8Array;
  /** Of the instance key, by which the whitelists of others know this node. */
  signer: NodeEd25519Signer;
}

export interface PeerFiles {
  libp2pKey: string;
  instanceKey: string;
  bans: string;
}

export function peerFiles(folder: string): PeerFiles {
  return {
    libp2pKey: join(folder, 'libp2p.key'),
    instanceKey: join(folder, 'instance.key'),
    bans: join(folder, 'bans.json'),
  };
}

/**
 * The keys in a folder, each an identity file (mode 0600); those that are not there are made.
 * Wire 1 wants one key for both: the one file is then a copy of the other.
 * @throws as loadIdentity() and createIdentity(); DirectoryError
 */
export async function openPeerKeys(
  folder: string,
  passphrase?: string,
  files: Partial<PeerFiles> = {},
): Promise<PeerKeys> {
  makeDirectory(folder, 0o700);
  const { libp2pKey, instanceKey } = { ...peerFiles(folder), ...files };
  const instanceSeed = await openSeed(instanceKey, passphrase);
  const signer = new NodeEd25519Signer(instanceSeed);
  instanceSeed.fill(0);
  return { libp2pSeed: await openSeed(libp2pKey, passphrase), signer };
}

/**
 * Not started yet. Rejects as openPeerKeys() does, and with RangeError for options out of bounds;
 * a file of bans that is damaged is told by start() (BanFileError).
 */
export async function openPeerNode(options: NodePeerOptions): Promise<PeerNode> {
  const { folder, files, listen, pingMs, mdns = false, passphrase, ...rest } = options;
  const { libp2pSeed, signer } = await openPeerKeys(folder, passphrase, files);
  const network = await nodeNetwork({
    ...{ seed: libp2pSeed, listen, mdns },
    ...(pingMs && { pingMs }),
  });
  libp2pSeed.fill(0);
  return new PeerNode({
    ...rest,
    module: await plainEngine(),
    network,
    signer,
    verifier: new NodeEd25519Verifier(),
    banStore: new BanFile(files?.bans ?? peerFiles(folder).bans),
  });
}

async function openSeed(path: string, passphrase: string | undefined): Promise<Uint8Array> {
  try {
    return await loadIdentity(path, passphrase);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return createIdentity(path, passphrase);
  }
}
