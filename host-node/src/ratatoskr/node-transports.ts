/** The transports that Node has to a server. */
import type { ClientTransport } from '@andvari/host-common/ratatoskr/client/client-channel';
import type { RatatoskrEndpoint } from '@andvari/host-common/ratatoskr/client/platform-transports';
import * as webTransport from '@andvari/host-common/ratatoskr/client/webtransport-client-transport';
import {
  NodeWebTransport,
  type NodeWebTransportOptions,
} from '../webtransport/webtransport-client.ts';
import { WsClientTransport } from './ws-client-transport.ts';

export interface NodeEndpoint extends RatatoskrEndpoint {
  /** Authorities to trust in the place of the system's, PEM. */
  ca?: string | undefined;
  /** SHA-256 of the WebSocket's certificate, one of which it must be, whoever has signed it. */
  webSocketHashes?: readonly Uint8Array[] | undefined;
  /** As `linux-x64`; another one for tests. */
  platform?: string | undefined;
}

/**
 * WebTransport first, then WebSocket; none for which there is no URL. Where there is no QUIC
 * (the optional package is not installed) the first fails at once and says so.
 */
export function nodeTransports(endpoint: NodeEndpoint): ClientTransport[] {
  const { webSocketUrl, webTransportUrl, certificateHashes = [], ca, platform } = endpoint;
  const transports: ClientTransport[] = [];
  if (webTransportUrl !== undefined) {
    class Session extends NodeWebTransport {
      constructor(url: string, options: NodeWebTransportOptions = {}) {
        super(url, { ...options, ca, ...(platform !== undefined && { platform }) });
      }
    }
    const options = { url: webTransportUrl, certificateHashes, WebTransport: Session };
    transports.push(new webTransport.WebTransportClientTransport(options));
  }
  if (webSocketUrl !== undefined) {
    const { webSocketHashes } = endpoint;
    transports.push(
      new WsClientTransport({ url: webSocketUrl, ca, certificateHashes: webSocketHashes }),
    );
  }
  return transports;
}
