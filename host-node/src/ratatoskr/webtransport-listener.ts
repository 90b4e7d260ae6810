/**
 * Ratatoskr over WebTransport: `https://host:port/ratatoskr` on a UDP port, beside the WebSocket
 * listener. Origin and authority are not looked at, for the same reason as there: every message
 * carries its own authority, a device's signature.
 */
import type { SocketAddress } from '../io/packet-io.ts';
import type { CertificateSource } from '../webtransport/certificates.ts';
import { WebTransportServer } from '../webtransport/webtransport-server.ts';
import type { AcceptChannel } from './channel.ts';
import { CONNECTIONS_DEFAULT } from './limits.ts';
import { RATATOSKR_PATH } from './websocket-listener.ts';
import { acceptSession } from './webtransport-channel.ts';

const GOING_AWAY = 1001;

export interface WebTransportListenerOptions {
  listen: SocketAddress;
  accept: AcceptChannel;
  certificates: CertificateSource;
  connectionsMax?: number;
  /** As `linux-x64`; another one for tests. */
  platform?: string;
}

export class WebTransportListener {
  readonly #options: WebTransportListenerOptions;
  readonly #server: WebTransportServer;

  /** @throws WebTransportUnavailableError: no QUIC on this platform */
  constructor(options: WebTransportListenerOptions) {
    this.#options = options;
    const { accept, certificates, connectionsMax = CONNECTIONS_DEFAULT, platform } = options;
    this.#server = new WebTransportServer({
      certificates,
      connectionsMax,
      paths: { [RATATOSKR_PATH]: (session) => acceptSession(session, accept) },
      admitsOrigin: () => true,
      admitsAuthority: () => true,
      ...(platform !== undefined && { platform }),
    });
  }

  /** Sessions open now. */
  get connections(): number {
    return this.#server.sessionCount;
  }

  /** SHA-256 of the certificates that a page gives as serverCertificateHashes. */
  get certificateHashes(): Uint8Array[] {
    return this.#options.certificates.hashes(Date.now());
  }

  /** Rejects with PortInUseError or AddressError. */
  open(): Promise<SocketAddress> {
    return this.#server.open(this.#options.listen);
  }

  /** Accept nobody more, and say goodbye to the others. */
  close(): Promise<void> {
    return this.#server.close(GOING_AWAY, 'the server stops');
  }
}
