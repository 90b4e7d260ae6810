import { plainEngine } from '@andvari/host-common/engine/module';
import { encryptWith, RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import type { CoinKeys } from '@andvari/host-common/raida/coin';
import { NetworkError, parseNetwork, type RaidaNetwork } from '@andvari/host-common/raida/network';
import type { ExchangeOptions, RaidaTransport } from '@andvari/host-common/raida/transport';
import { WebSocketTransport } from '@andvari/host-common/raida/websocket-transport';
import { SocketTransport } from '../raida/socket-transport.ts';
import { readRegularFile } from './wallet-read.ts';

/** Where `andvari network up` describes itself. */
export const DEFAULT_NETWORK = 'http://127.0.0.1:8080/network.json';
const FETCH_TIMEOUT_MS = 5000;
/** A description of 25 servers is below 4 KiB. */
const DESCRIPTION_BYTES_MAX = 65536;

/** The description of the network could not be had. */
export class NetworkSourceError extends Error {
  readonly code: 'ANDVARI_NETWORK_UNREACHABLE' | 'ANDVARI_NETWORK_FILE' | 'ANDVARI_NETWORK';
  override readonly name = 'NetworkSourceError';

  constructor(code: NetworkSourceError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A description, or an error that says where it came from. */
function parsed(source: string, text: string): RaidaNetwork {
  try {
    return parseNetwork(text);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new NetworkSourceError(error.code, `${source}: ${error.message}`, error);
  }
}

/**
 * The network that a URL (http, https) or a file describes.
 * @throws NetworkSourceError, NetworkError
 */
export async function readNetwork(source: string, signal: AbortSignal): Promise<RaidaNetwork> {
  if (/^https?:\/\//.test(source)) return parsed(source, await fetchText(source, signal));
  let text: string;
  try {
    text = readRegularFile(source, DESCRIPTION_BYTES_MAX).toString();
  } catch (error) {
    const problem = `network description ${source}: ${(error as Error).message}`;
    throw new NetworkSourceError('ANDVARI_NETWORK_FILE', problem, error);
  }
  return parsed(source, text);
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const unreachable = (problem: string, cause?: unknown) =>
    new NetworkSourceError('ANDVARI_NETWORK_UNREACHABLE', `${url}: ${problem}`, cause);
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
    const response = await fetch(url, { signal: limit, redirect: 'error' });
    const text = await response.text();
    if (!response.ok) throw unreachable(`HTTP ${response.status}`);
    if (text.length > DESCRIPTION_BYTES_MAX)
      throw unreachable('too long for a network description');
    return text;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NetworkSourceError) throw error;
    const { cause, message } = error as Error;
    throw unreachable(cause instanceof Error ? cause.message : message, error);
  }
}

/** WebSocket where the address says so, UDP and TCP for the others. */
class MixedTransport implements RaidaTransport {
  readonly #sockets: SocketTransport;
  readonly #webSockets: WebSocketTransport;
  readonly #byWebSocket: ReadonlySet<number>;

  constructor({ servers }: RaidaNetwork) {
    const isWeb = ({ url }: { url: string }) => /^wss?:/.test(url);
    this.#sockets = new SocketTransport(servers.filter((server) => !isWeb(server)));
    this.#webSockets = new WebSocketTransport(servers.filter(isWeb));
    this.#byWebSocket = new Set(servers.filter(isWeb).map(({ raidaId }) => raidaId));
  }

  exchange(raidaId: number, request: Uint8Array, options: ExchangeOptions): Promise<Uint8Array> {
    const transport = this.#byWebSocket.has(raidaId) ? this.#webSockets : this.#sockets;
    return transport.exchange(raidaId, request, options);
  }

  async close(): Promise<void> {
    await Promise.all([this.#sockets.close(), this.#webSockets.close()]);
  }
}

export interface WalletConnection {
  client: RaidaClient;
  network: RaidaNetwork;
  close(): Promise<void>;
}

/** A client of the network's servers; close() ends its connections. */
export async function connect(
  network: RaidaNetwork,
  options: { timeoutMs: number; encryptionCoin?: CoinKeys | undefined },
): Promise<WalletConnection> {
  const { timeoutMs, encryptionCoin } = options;
  const codec = new EngineCodec(await plainEngine(), network);
  const transport = new MixedTransport(network);
  const client = new RaidaClient({
    codec,
    transport,
    raidaIds: network.servers.map(({ raidaId }) => raidaId),
    timeoutMs,
    ...(encryptionCoin ? { encryption: encryptWith(encryptionCoin) } : {}),
  });
  return { client, network, close: () => transport.close() };
}
