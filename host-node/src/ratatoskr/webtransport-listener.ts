/**
 * Ratatoskr over WebTransport: `https://host:port/ratatoskr` on a UDP port, beside the WebSocket
 * listener, with the same rules for authority (421) and origin (403).
 */
import { AddressError, PortInUseError, type SocketAddress } from '../io/packet-io.ts';
import type { Certificate, CertificateSource } from '../webtransport/certificates.ts';
import type { SessionHandler, WebTransportSession } from '../webtransport/session.ts';
import { WebTransportServer } from '../webtransport/webtransport-server.ts';
import { Admission, type AdmissionLists } from './admission.ts';
import type { AcceptChannel } from './channel.ts';
import { CONNECTIONS_DEFAULT, LEAVING_PART } from './limits.ts';
import { QuicShares } from './quic-shares.ts';
import { RATATOSKR_PATH } from './websocket-listener.ts';
import { acceptSession, type WebTransportChannel } from './webtransport-channel.ts';

const GOING_AWAY = 1001;
/** How often a certificate's end is looked for while nobody connects. */
const CERTIFICATE_CHECK_MS = 60_000;

export interface WebTransportListenerOptions extends AdmissionLists {
  listen: SocketAddress;
  accept: AcceptChannel;
  certificates: CertificateSource;
  connectionsMax?: number;
  /** Another certificate is in use from now on; the hashes are those to serve to pages. */
  certificateChanged?: (hashes: Uint8Array[]) => void;
  /** As `linux-x64`; another one for tests. */
  platform?: string;
}

export class WebTransportListener {
  readonly #options: WebTransportListenerOptions;
  readonly #server: WebTransportServer;
  /** Nobody, before it is open. */
  #admission: Admission | undefined;
  #certificate: Certificate | undefined;
  #checks: NodeJS.Timeout | undefined;
  readonly #channels = new Set<WebTransportChannel>();
  /** Those of them that were told to go, in that order. */
  readonly #leaving = new Set<WebTransportChannel>();
  #closing = false;
  #emptied: () => void = () => {};

  /** @throws WebTransportUnavailableError: no QUIC on this platform */
  constructor(options: WebTransportListenerOptions) {
    this.#options = options;
    const { accept, certificates, connectionsMax = CONNECTIONS_DEFAULT, platform } = options;
    this.#server = new WebTransportServer({
      certificates: {
        current: (nowMs) => this.#current(nowMs),
        hashes: (nowMs) => certificates.hashes(nowMs),
      },
      connectionsMax,
      shares: new QuicShares(),
      paths: { [RATATOSKR_PATH]: (session) => this.#accept(session, accept) },
      admitsOrigin: (origin) => this.#admission?.admitsOrigin(origin) ?? false,
      admitsAuthority: (authority) => this.#admission?.admitsHost(authority) ?? false,
      ...(platform !== undefined && { platform }),
    });
  }

  /** Sessions open now. */
  get connections(): number {
    return this.#server.sessionCount;
  }

  /** SHA-256 of the certificates that a page gives as serverCertificateHashes. */
  get certificateHashes(): Uint8Array[] {
    const nowMs = Date.now();
    this.#current(nowMs);
    return this.#options.certificates.hashes(nowMs);
  }

  /** Rejects with PortInUseError or AddressError. */
  async open(): Promise<SocketAddress> {
    const address = await this.#bind();
    this.#admission = new Admission(address, this.#options);
    this.#checks = setInterval(() => this.#current(Date.now()), CERTIFICATE_CHECK_MS);
    this.#checks.unref();
    return address;
  }

  /** Errors name whose port it is. */
  async #bind(): Promise<SocketAddress> {
    const { listen } = this.#options;
    try {
      return await this.#server.open(listen);
    } catch (error) {
      const protocol = 'Ratatoskr (ratatoskr.webtransport): UDP';
      if (error instanceof PortInUseError) throw new PortInUseError(protocol, listen, error);
      if (error instanceof AddressError) throw new AddressError(protocol, listen, error.cause);
      throw error;
    }
  }

  /** Accept no session more; clients are told that theirs will end. */
  drain(): void {
    this.#closing = true;
    this.#server.drain();
  }

  /** As drain(), say goodbye to those that are here, and end when that has had time to arrive. */
  async close(): Promise<void> {
    clearInterval(this.#checks);
    this.drain();
    if (this.#channels.size > 0) {
      const gone = new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
      // Each in its own time, behind what it has said last: a second at the most.
      for (const channel of this.#channels) channel.close(GOING_AWAY, 'the server stops');
      await gone;
    }
    await this.#server.close();
  }

  #accept(session: WebTransportSession, accept: AcceptChannel): SessionHandler | undefined {
    if (this.#closing) return undefined;
    this.#cutLeaving();
    const channel = acceptSession(session, accept, (left) => {
      this.#channels.delete(left);
      this.#leaving.delete(left);
      if (this.#channels.size === 0) this.#emptied();
    });
    if (!channel) return undefined;
    this.#channels.add(channel);
    channel.onLeaving = () => this.#leaving.add(channel);
    return channel;
  }

  /** As with WebSockets: who is sent away and takes nothing has his place for seconds. */
  #cutLeaving(): void {
    const { connectionsMax = CONNECTIONS_DEFAULT } = this.#options;
    for (const channel of this.#leaving) {
      if (this.#leaving.size <= connectionsMax * LEAVING_PART) return;
      this.#leaving.delete(channel);
      channel.cut();
    }
  }

  /** The certificate of a connection that begins now; a change is told once. */
  #current(nowMs: number): Certificate {
    const { certificates, certificateChanged } = this.#options;
    const before = this.#certificate;
    const certificate = certificates.current(nowMs);
    this.#certificate = certificate;
    if (before && before !== certificate) certificateChanged?.(certificates.hashes(nowMs));
    return certificate;
  }
}
