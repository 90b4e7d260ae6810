/** The page's own HTTP server: where the RAIDA network is described, and demo coins come from. */

import { parseNetwork, type RaidaNetwork } from '@andvari/host-common/raida/network';
import {
  parseRatatoskrAddress,
  type RatatoskrAddress,
} from '@andvari/host-common/ratatoskr/address';
import { parseRelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import { peerNetworkIn, peersIn } from './peers-in.ts';
import type { PeerNetworkView, PeerView } from './views.ts';

const NETWORK_PATH = '/network.json';
const DEMO_PATH = '/demo/coins';
const DEVICE_PATH = '/demo/device';
const PEER_PATH = '/demo/peer';
/** 25 addresses take 2 KiB. */
const NETWORK_BYTES_MAX = 64 * 1024;
/** A demo file of 1,000 coins takes 400 KiB. */
const DEMO_BYTES_MAX = 4 * 1024 * 1024;
/** One sentence. */
const REASON_BYTES_MAX = 500;
const TIMEOUT_MS = 10_000;
/** They are told to the user in one sentence. */
const REACHABLE_MAX = 64;

/** The page's server did not give what was asked. `message` is one sentence for the user. */
export class PageServerError extends Error {
  override readonly name = 'PageServerError';
  readonly code = 'ANDVARI_PAGE_SERVER';
}

export interface PageNetwork extends RaidaNetwork {
  /** The server hands out demo coins. */
  readonly demo: boolean;
  readonly ratatoskr?: RatatoskrAddress;
  /** Where files are sent and received (ws:, wss:). */
  readonly relay?: string;
  /** Endpoints and relays that the page's policy names; left out: its server does not say. */
  readonly reachable?: readonly string[];
  /** How the servers see each other. */
  readonly peers?: readonly PeerView[];
  /** Whom the page can meet as a peer. */
  readonly peerNetwork?: PeerNetworkView;
}

/** GET /network.json. Throws PageServerError, or NetworkError for a description that is none. */
export async function fetchNetwork(): Promise<PageNetwork> {
  const bytes = await fetchBytes(NETWORK_PATH, { method: 'GET' }, NETWORK_BYTES_MAX);
  const text = new TextDecoder().decode(bytes);
  const network = parseNetwork(text);
  const description = JSON.parse(text) as Description;
  const ratatoskr = addressIn(description);
  const demo = description.demo === true;
  const reachable = urlsIn(description.reachable);
  const relay = relayIn(description.relay);
  const peers = peersIn(description.peers);
  const peerNetwork = peerNetworkIn(description.peerNetwork);
  return {
    ...{ ...network, demo },
    ...(ratatoskr === undefined ? {} : { ratatoskr }),
    ...(relay === undefined ? {} : { relay }),
    ...(reachable === undefined ? {} : { reachable }),
    ...(peers === undefined ? {} : { peers }),
    ...(peerNetwork === undefined ? {} : { peerNetwork }),
  };
}

interface Description {
  demo?: unknown;
  reachable?: unknown;
  relay?: unknown;
  peers?: unknown;
  peerNetwork?: unknown;
}

/** One that is written wrongly is none: the user can type another. */
function relayIn(value: unknown): string | undefined {
  try {
    return typeof value === 'string' ? parseRelayAddress(value).url : undefined;
  } catch {
    return undefined;
  }
}

function urlsIn(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > REACHABLE_MAX) return undefined;
  const isUrl = (one: unknown): one is string => typeof one === 'string' && URL.canParse(one);
  return value.every(isUrl) ? value : undefined;
}

/** Coins do not wait for an endpoint that is described wrongly: then there is none. */
function addressIn(description: object): RatatoskrAddress | undefined {
  try {
    return parseRatatoskrAddress(description);
  } catch {
    return undefined;
  }
}

/** POST /demo/coins: a coin file with coins of the demo network. Throws PageServerError. */
export function fetchDemoCoins(): Promise<Uint8Array<ArrayBuffer>> {
  return fetchBytes(DEMO_PATH, { method: 'POST' }, DEMO_BYTES_MAX);
}

/** POST /demo/device: the server of the demo network knows this device then. */
export async function registerDemoDevice(device: {
  readonly id: string;
  readonly user: string;
  readonly publicKeyHex: string;
}): Promise<void> {
  const { id, user, publicKeyHex: key } = device;
  const words = new URLSearchParams({ device: id, user, key });
  await fetchBytes(`${DEVICE_PATH}?${words}`, { method: 'POST' }, REASON_BYTES_MAX);
}

/** POST /demo/peer: the servers of the demo network let this page in as a peer then. */
export async function registerDemoPeer(peer: {
  readonly peerId: string;
  readonly keyHex: string;
}): Promise<void> {
  const words = new URLSearchParams({ peer: peer.peerId, key: peer.keyHex });
  await fetchBytes(`${PEER_PATH}?${words}`, { method: 'POST' }, REASON_BYTES_MAX);
}

async function fetchBytes(
  path: string,
  options: RequestInit,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let reason: string;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(path, {
      ...options,
      cache: 'no-store',
      redirect: 'error',
      signal,
    });
    if (response.ok) return await readAtMost(response, bytesMax);
    reason = await reasonOf(response);
  } catch (cause) {
    if (cause instanceof PageServerError) throw cause;
    const text = 'The server of this page does not answer; is the network running?';
    throw new PageServerError(text, { cause });
  }
  throw new PageServerError(reason);
}

/** A short plain text is the server's own sentence, such as that all demo coins are gone. */
async function reasonOf(response: Response): Promise<string> {
  const plain = response.headers.get('content-type')?.startsWith('text/plain') ?? false;
  const bytes = plain ? await readAtMost(response, REASON_BYTES_MAX) : new Uint8Array(0);
  const text = new TextDecoder().decode(bytes).trim();
  if (response.status === 503 && text !== '') return text;
  return `The server of this page refused the request (${response.status}).`;
}

async function readAtMost(response: Response, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > bytesMax) {
      await reader.cancel();
      throw new PageServerError(`The server of this page sent more than ${bytesMax} bytes.`);
    }
    parts.push(value);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
