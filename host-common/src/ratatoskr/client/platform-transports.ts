/** The transports that this platform has to a server. */

import type { ClientTransport } from './client-channel.ts';
import { WebSocketClientTransport } from './websocket-client-transport.ts';
import {
  type CertificateHashes,
  WebTransportClientTransport,
} from './webtransport-client-transport.ts';

/** Where a server is. */
export interface RatatoskrEndpoint {
  /** wss:, or ws: on this machine. */
  webSocketUrl?: string | undefined;
  /** https: */
  webTransportUrl?: string | undefined;
  /** Of certificates that WebTransport takes though no authority has signed them. */
  certificateHashes?: CertificateHashes | undefined;
}

/** WebTransport first; none for which there is no URL, or nothing in this platform. */
export function platformTransports(endpoint: RatatoskrEndpoint): ClientTransport[] {
  const { webSocketUrl, webTransportUrl, certificateHashes = [] } = endpoint;
  const transports: ClientTransport[] = [];
  if (webTransportUrl !== undefined && typeof globalThis.WebTransport === 'function') {
    const options = { url: webTransportUrl, certificateHashes };
    transports.push(new WebTransportClientTransport(options));
  }
  if (webSocketUrl !== undefined && typeof globalThis.WebSocket === 'function') {
    transports.push(new WebSocketClientTransport({ url: webSocketUrl }));
  }
  return transports;
}
