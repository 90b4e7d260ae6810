/** `andvari conformance --protocol` of the protocols beside RAIDA: what each needs to be told. */

import { peerIdBytes } from '@andvari/host-common/peer/peer-id';
import { type PeerSubject, peerSuite } from '../conformance/peer/suite.ts';
import { type RatatoskrSubject, ratatoskrSuite } from '../conformance/ratatoskr/suite.ts';
import { parseTarget } from '../conformance/target.ts';
import { type TransferSubject, transferSuite } from '../conformance/transfer/suite.ts';
import { NodeEd25519Signer } from '../ratatoskr/node-ed25519.ts';
import { loadIdentity } from '../transfer/identity-store.ts';
import { type Campaign, campaignOf, SILENCE_MS } from './conformance-campaign.ts';
import { ConformanceUsageError } from './conformance-report.ts';
import { readAuthorities, readDeviceKey } from './ratatoskr-files.ts';

export const PROTOCOLS: readonly string[] = ['ratatoskr', 'transfer', 'peer'];

const PEER_TARGET = /^\/.{1,400}\/p2p\/([1-9A-HJ-NP-Za-km-z]{50,52})$/;

export interface ProtocolOptions {
  target?: string;
  timeout: number;
  ca?: string;
  key?: string;
  device?: string;
  user?: string;
  serverKey?: Buffer;
  peer?: Buffer;
  network: string;
  rate: number;
  list?: boolean;
  /** Of a sealed identity. */
  passphrase?: string | undefined;
}

/** Throws ConformanceUsageError, TargetError, InputError. */
export async function protocolCampaign(
  protocol: string,
  options: ProtocolOptions,
): Promise<Campaign> {
  if (protocol === 'peer') return await peerCampaign(options);
  return protocol === 'ratatoskr' ? ratatoskrCampaign(options) : await transferCampaign(options);
}

function ratatoskrCampaign(options: ProtocolOptions): Campaign {
  const { target: text = 'ws://127.0.0.1:50062/ratatoskr', timeout, ca, serverKey } = options;
  const { transport, url = '' } = parseTarget(text);
  if (transport !== 'ws') {
    throw new ConformanceUsageError('--target: wanted wss://HOST:PORT/ratatoskr (ws://)');
  }
  const device = deviceOf(options);
  const subject: RatatoskrSubject = {
    ...{ url, replyMs: timeout, silenceMs: SILENCE_MS },
    ...(ca === undefined ? {} : { ca: readAuthorities(ca) }),
    ...(device ? { device } : {}),
    ...(serverKey ? { serverKey } : {}),
  };
  const about = device ? `as device ${device.deviceId}` : 'as a stranger alone';
  const facts = { device: device?.deviceId ?? null };
  return campaignOf({ protocol: 'Ratatoskr', about, facts, target: text }, ratatoskrSuite(subject));
}

function deviceOf({ key, device: deviceId, user: userId }: ProtocolOptions) {
  if (key === undefined && deviceId === undefined && userId === undefined) return undefined;
  if (key === undefined || deviceId === undefined || userId === undefined) {
    throw new ConformanceUsageError('wanted --key, --device and --user, or none of them');
  }
  return { deviceId, userId, signer: readDeviceKey(key) };
}

async function transferCampaign(options: ProtocolOptions): Promise<Campaign> {
  const { target: text = 'udp://127.0.0.1:8420', timeout, key, peer, list = false } = options;
  const target = parseTarget(text);
  if (target.transport !== 'udp') {
    throw new ConformanceUsageError('--target: wanted udp://HOST:PORT');
  }
  if (!peer && !list) throw new ConformanceUsageError("wanted --peer, the node's peer ID");
  const subject: TransferSubject = {
    ...{ target, replyMs: timeout, silenceMs: SILENCE_MS },
    // A list asks nobody.
    peerId: peer ?? Buffer.alloc(32),
    ...(key === undefined
      ? {}
      : { seed: Buffer.from(await loadIdentity(key, options.passphrase)) }),
  };
  const about = key === undefined ? 'as a stranger alone' : 'as a peer that it trusts';
  const facts = { isTrusted: key !== undefined };
  return campaignOf({ protocol: 'Transfer', about, facts, target: text }, transferSuite(subject));
}

async function peerCampaign(options: ProtocolOptions): Promise<Campaign> {
  const { target, timeout, key, network, rate } = options;
  // A list asks nobody.
  const peerId = target === undefined ? Buffer.alloc(38) : peerIn(target);
  const signer = key === undefined ? undefined : await signerIn(key, options.passphrase);
  const subject: PeerSubject = {
    ...{ address: target ?? '', peerId, protocolId: `/${network}` },
    ...{ rate, replyMs: timeout, silenceMs: SILENCE_MS },
    ...(signer && { signer }),
  };
  // The peer's list has to have it, and nothing else tells the key of such a file.
  const listed = signer ? Buffer.from(signer.publicKey).toString('hex') : null;
  const about = listed === null ? 'as a stranger alone' : `with instance key ${listed}`;
  const facts = { network, key: listed };
  return campaignOf({ protocol: 'Peer', about, facts, target: target ?? '' }, peerSuite(subject));
}

function peerIn(target: string): Buffer {
  try {
    return Buffer.from(peerIdBytes(PEER_TARGET.exec(target)?.[1] ?? ''));
  } catch {
    throw new ConformanceUsageError('--target: wanted a multiaddr that ends with /p2p/PEER');
  }
}

async function signerIn(path: string, passphrase: string | undefined): Promise<NodeEd25519Signer> {
  const seed = await loadIdentity(path, passphrase);
  try {
    return new NodeEd25519Signer(seed);
  } finally {
    seed.fill(0);
  }
}
