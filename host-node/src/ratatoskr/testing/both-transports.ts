/** Servers on WebSocket and WebTransport for a file of tests, closed as places.ts does it. */
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import { type CertificateSource, SelfMadeCertificates } from '../../webtransport/certificates.ts';
import { WebTransportListener } from '../webtransport-listener.ts';
import { placesForTests } from './places.ts';
import type { PlaceOptions, RatatoskrPlace } from './ratatoskr-place.ts';

export interface BothOptions extends PlaceOptions {
  /** Of WebTransport [self-made ones]. */
  certificates?: CertificateSource;
  /** WebTransport's UDP port has the number of the WebSocket's [any port]. */
  samePort?: boolean;
}

export interface BothTransports {
  place: RatatoskrPlace;
  listener: WebTransportListener;
  webTransportUrl: string;
  /** Sessions that have come over WebTransport so far. */
  sessions: () => number;
}

export function bothTransportsForTests(): (options?: BothOptions) => Promise<BothTransports> {
  const start = placesForTests();
  const atEnd = closedAfterEach();
  return async ({ certificates, samePort = false, ...options } = {}) => {
    const place = await start(options);
    let sessions = 0;
    const listener = new WebTransportListener({
      listen: { host: '127.0.0.1', port: samePort ? Number(new URL(place.url).port) : 0 },
      accept: (channel) => {
        sessions++;
        return place.server.accept(channel);
      },
      certificates: certificates ?? new SelfMadeCertificates(['localhost'], Date.now()),
    });
    const { port } = await listener.open();
    atEnd(() => listener.close());
    const webTransportUrl = `https://127.0.0.1:${port}/ratatoskr`;
    return { place, listener, webTransportUrl, sessions: () => sessions };
  };
}
