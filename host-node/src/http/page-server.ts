import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { webSocketUrl } from '@andvari/host-common/peer/peer-address';
import type { RaidaNetwork } from '@andvari/host-common/raida/network';
import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import type { SocketAddress } from '../io/packet-io.ts';
import type { Logger } from '../log/logger.ts';
import { AllowList } from './allow-list.ts';
import { HttpListener, type Route, send, sendJson, sendText } from './http-listener.ts';
import { type PageFile, readPageFiles } from './page-files.ts';
import { ownHosts } from './socket-address.ts';

/** Where `vite build` of host-browser puts the wallet page, as seen from this file. */
export const WALLET_PAGE_DIRECTORY = fileURLToPath(
  new URL('../../../host-browser/dist/', import.meta.url),
);
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** A coin file for a visitor of a demo network. */
export interface DemoCoinFile {
  name: string;
  bytes: Uint8Array;
}

/** Every demo coin has been handed out. */
export class DemoCoinsExhaustedError extends Error {
  readonly code = 'ANDVARI_DEMO_COINS_EXHAUSTED';

  constructor() {
    super(
      'All demo coins of this network have been handed out; start one with another data folder.',
    );
    this.name = 'DemoCoinsExhaustedError';
  }
}

/** A device that wants to speak to a demo network's Ratatoskr endpoint. */
export interface DemoDevice {
  deviceId: string;
  userId: string;
  /** 32 bytes. */
  publicKey: Uint8Array;
}

/** A wallet page that wants to be a peer of a demo network's servers. */
export interface DemoPeer {
  peerId: string;
  /** Its instance key, 32 bytes. */
  key: Uint8Array;
}

/** The device, or the peer, cannot be registered; the message is for whoever asked. */
export class DemoDeviceError extends Error {
  readonly code = 'ANDVARI_DEMO_DEVICE';
  override readonly name = 'DemoDeviceError';
}

const STARTING = 'the network is starting';

export interface PageServerOptions {
  listen: SocketAddress;
  logger: Logger;
  /** The built page; default WALLET_PAGE_DIRECTORY. */
  directory?: string;
  /** The next demo coins; without it the network has none. Throws DemoCoinsExhaustedError. */
  takeDemoCoins?: () => DemoCoinFile;
  /** Registers a device; without it nobody can. Throws DemoDeviceError. */
  registerDemoDevice?: (device: DemoDevice) => void;
  /** Lets in a peer; without it nobody can. Rejects with why not. */
  registerDemoPeer?: (peer: DemoPeer) => Promise<void>;
  /** Other Ratatoskr endpoints and relays (wss:, https:) that the page may connect to as well. */
  connect?: readonly string[];
}

/** What a page is told besides its network. */
export interface PageServices {
  /** Asked for each answer: certificates change. */
  ratatoskr?: (() => RatatoskrAddress) | undefined;
  /** Where pages meet peers that send and receive files (ws:, wss:). */
  relay?: string | undefined;
  /** How the servers see each other, asked for each answer. */
  peers?: (() => readonly PagePeer[]) | undefined;
  /** The servers as peers of the page itself. */
  peerNetwork?: PagePeerNetwork | undefined;
}

/** Whom the page can meet as a peer, and under what names. */
export interface PagePeerNetwork {
  networkName: string;
  instanceId: string;
  nodes: readonly PagePeerNode[];
}

export interface PagePeerNode {
  raidaId: number;
  /** Multiaddr of its WebSocket, with its peer id. */
  address: string;
  /** Its instance key, 64 hex digits. */
  key: string;
}

/** One server, as its peers see it. */
export interface PagePeer {
  raidaId: number;
  /** Verified peers, of so many others. */
  verified: number;
  others: number;
  /** Of its last status, as long as there is one. */
  version?: string;
  /** Of its coin counts, 64 hex digits. */
  countRoot?: string;
  /** Requests a second. */
  load?: number;
  ageMs?: number;
}

/**
 * The wallet page: files from memory by exact path, the network's description, the demo coins.
 *
 * The page comes from `npm run build` in host-browser (vite), which fills host-browser/dist. Until
 * that exists the server answers 503 with the command to run; the RAIDA nodes do not need it.
 */
export class PageServer {
  readonly #options: PageServerOptions;
  readonly #listener: HttpListener;
  readonly #files: ReadonlyMap<string, PageFile>;
  #allowed = new AllowList({ hosts: [], origins: [] });
  #origins: readonly string[] = [];
  #network: RaidaNetwork | undefined;
  #services: PageServices = {};
  #policy = '';
  /** What the page tells its user when he types another address: the policy has its words alone. */
  #reachable: readonly string[] = [];

  constructor(options: PageServerOptions) {
    this.#options = options;
    this.#files = readPageFiles(options.directory ?? WALLET_PAGE_DIRECTORY);
    this.#listener = new HttpListener({
      admits: (request) => this.#allowed.acceptsHost(request.headers.host),
      route: (path) => this.#route(path),
      failed: (error) => options.logger.error({ err: error }, 'page request failed'),
    });
  }

  /** Whether the page was built when the server was made. */
  get built(): boolean {
    return this.#files.has('/');
  }

  /** The origins of this page, for the allow-lists of the nodes. Known after open(). */
  get origins(): readonly string[] {
    return this.#origins;
  }

  /** Bind. Until publish() every request is answered 503. */
  async open(): Promise<SocketAddress> {
    const address = await this.#listener.open(this.#options.listen);
    const hosts = ownHosts(address);
    this.#origins = hosts.map((host) => `http://${host}`);
    this.#allowed = new AllowList({ hosts, origins: this.#origins });
    return address;
  }

  /** Serve the page of this network. */
  publish(network: RaidaNetwork, services: PageServices = {}): void {
    const { url, webTransport } = services.ratatoskr?.() ?? {};
    const own = [url, webTransport?.url, services.relay].filter((text) => text !== undefined);
    this.#reachable = [...own, ...(this.#options.connect ?? [])];
    const nodes = services.peerNetwork?.nodes ?? [];
    const peers = nodes.flatMap(({ address }) => webSocketUrl(address) ?? []);
    this.#policy = contentSecurityPolicy(network, [...this.#reachable, ...peers]);
    this.#network = network;
    this.#services = services;
  }

  close(): Promise<void> {
    return this.#listener.close();
  }

  #route(path: string): Route | undefined {
    const network = this.#network;
    if (network === undefined) {
      const starting: Route['GET'] = (_, response) => unavailable(response, STARTING);
      return { GET: starting, POST: starting };
    }
    if (path === '/network.json') {
      const demo = this.#options.takeDemoCoins !== undefined;
      const { ratatoskr, relay, peers, peerNetwork } = this.#services;
      const more = {
        ...(ratatoskr && { ratatoskr: ratatoskr() }),
        ...(relay && { relay }),
        ...(peers && { peers: peers().map(pagePeer) }),
        ...(peerNetwork && { peerNetwork }),
      };
      return {
        GET: (_request, response) =>
          sendJson(response, 200, { ...network, ...more, demo, reachable: this.#reachable }),
      };
    }
    if (path === '/demo/device' && this.#options.registerDemoDevice) {
      return { POST: (request, response) => this.#demoDevice(request, response) };
    }
    if (path === '/demo/peer' && this.#options.registerDemoPeer) {
      return { POST: (request, response) => this.#demoPeer(request, response) };
    }
    if (path === '/demo/coins' && this.#options.takeDemoCoins) {
      return { POST: (request, response) => this.#demoCoins(request, response) };
    }
    const file = this.#files.get(path);
    if (file) return { GET: (request, response) => this.#file(file, request, response) };
    if (path === '/' && !this.built) {
      const hint = 'the wallet page is not built: run "npm run build" and start again';
      return { GET: (_request, response) => unavailable(response, hint) };
    }
    return undefined;
  }

  #file(file: PageFile, request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Content-Security-Policy', this.#policy);
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cache-Control', file.immutable ? IMMUTABLE : 'no-cache');
    response.setHeader('ETag', file.etag);
    if (request.headers['if-none-match'] === file.etag) {
      response.statusCode = 304;
      response.end();
      return;
    }
    response.setHeader('Content-Type', file.type);
    response.setHeader('Content-Length', file.body.length);
    response.end(file.body);
  }

  /**
   * Whether this page itself asks, or a program: a foreign page could otherwise empty the stock.
   * Browsers send Origin with every POST; a program (curl) sends neither Origin nor Sec-Fetch-Site.
   */
  #isOurs({ headers }: IncomingMessage): boolean {
    const { origin } = headers;
    const program = origin === undefined && headers['sec-fetch-site'] === undefined;
    return program || this.#allowed.acceptsOrigin(origin);
  }

  /** POST /demo/device?device=ID&user=ID&key=HEX: a request here has no body. */
  #demoDevice(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#isOurs(request)) {
      sendText(response, 403, 'this page may not register devices');
      return;
    }
    const words = new URLSearchParams(request.url?.split('?')[1] ?? '');
    const [deviceId, userId, key] = ['device', 'user', 'key'].map((name) => words.get(name) ?? '');
    if (!deviceId || !userId || !key || !/^[0-9a-f]{64}$/.test(key)) {
      sendText(response, 400, 'wanted device, user, and key of 64 hex digits');
      return;
    }
    try {
      const publicKey = new Uint8Array(Buffer.from(key, 'hex'));
      this.#options.registerDemoDevice?.({ deviceId, userId, publicKey });
      sendJson(response, 200, { device: deviceId, user: userId });
    } catch (error) {
      if (!(error instanceof DemoDeviceError)) throw error;
      sendText(response, 400, error.message);
    }
  }

  /** POST /demo/peer?peer=ID&key=HEX. */
  async #demoPeer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#isOurs(request)) {
      sendText(response, 403, 'this page may not register peers');
      return;
    }
    const words = new URLSearchParams(request.url?.split('?')[1] ?? '');
    const [peerId, key] = ['peer', 'key'].map((name) => words.get(name) ?? '');
    if (!peerId || !key || !/^[0-9a-f]{64}$/.test(key)) {
      sendText(response, 400, 'wanted peer, and key of 64 hex digits');
      return;
    }
    try {
      await this.#options.registerDemoPeer?.({
        peerId,
        key: new Uint8Array(Buffer.from(key, 'hex')),
      });
      sendJson(response, 200, { peer: peerId });
    } catch (error) {
      // Why is the servers' business; that it was not done is the page's.
      this.#options.logger.debug({ err: error }, 'a page was not let in as a peer');
      sendText(response, 400, 'the servers do not let this peer in');
    }
  }

  #demoCoins(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#isOurs(request)) {
      sendText(response, 403, 'this page may not take demo coins');
      return;
    }
    try {
      const { name, bytes } = (this.#options.takeDemoCoins as () => DemoCoinFile)();
      response.setHeader('Content-Disposition', `attachment; filename="${name}"`);
      send(response, 200, 'application/octet-stream', bytes);
    } catch (error) {
      if (!(error instanceof DemoCoinsExhaustedError)) throw error;
      sendText(response, 503, error.message);
    }
  }
}

/** Nothing else of it. */
function pagePeer({ raidaId, verified, others, ...told }: PagePeer): PagePeer {
  const { version, countRoot, load, ageMs } = told;
  const known = version !== undefined && countRoot !== undefined;
  if (!known || load === undefined || ageMs === undefined) return { raidaId, verified, others };
  return { raidaId, verified, others, version, countRoot, load, ageMs };
}

function unavailable(response: ServerResponse, text: string): void {
  response.setHeader('Retry-After', '1');
  sendText(response, 503, text);
}

/**
 * What the page may load, and whom it may talk to: itself, the WebSockets of its network,
 * Ratatoskr endpoints and relays.
 * @param network its ws: and wss: servers; others cannot be reached from a browser
 */
export function contentSecurityPolicy(
  network: RaidaNetwork,
  endpoints: readonly string[] = [],
): string {
  const sockets = [...network.servers.map((server) => server.url), ...endpoints]
    .map((text) => new URL(text))
    .filter(({ protocol }) => ['ws:', 'wss:', 'https:'].includes(protocol))
    // Made from its parts, so that nothing else in a URL can end up in the header.
    .map(({ protocol, host, pathname }) => `${protocol}//${host}${encodePath(pathname)}`);
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' data:",
    ["connect-src 'self'", ...sockets].join(' '),
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** `;` and `,` end a directive or a policy. */
function encodePath(path: string): string {
  return path.replaceAll(';', '%3B').replaceAll(',', '%2C');
}
