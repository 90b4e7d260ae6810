/** Servers on WebSocket and WebTransport for a file of tests, closed as places.ts does it. */
import { closedAfterEach } from '../../testing/closed-after-each.ts';
import { keptPorts } from '../../testing/ports.ts';
import { type CertificateSource, SelfMadeCertificates } from '../../webtransport/certificates.ts';
import type { UdpRelay } from '../../webtransport/testing/udp-relay.ts';
import type { ChannelHandler } from '../channel.ts';
import { WebTransportListener } from '../webtransport-listener.ts';
import { placesForTests } from './places.ts';
import type { PlaceOptions, RatatoskrPlace } from './ratatoskr-place.ts';

export interface BothOptions extends PlaceOptions {
  /** Of WebTransport [self-made ones]. */
  certificates?: CertificateSource;
  /** WebTransport's UDP port has the number of the WebSocket's [any port]. */
  samePort?: boolean;
  /** WebTransport takes connections and says nothing on them [it answers]. */
  mute?: boolean;
  /** In front of WebTransport's port. */
  relay?: UdpRelay;
}

export interface BothTransports {
  place: RatatoskrPlace;
  listener: WebTransportListener;
  webTransportUrl: string;
  /** Sessions that have come over WebTransport so far. */
  sessions: () => number;
}

const DEAF: ChannelHandler = { message() {}, text() {}, ended() {}, closed() {}, bare() {} };

export function bothTransportsForTests(): (options?: BothOptions) => Promise<BothTransports> {
  const start = placesForTests();
  const atEnd = closedAfterEach();
  return async ({
    certificates,
    samePort: isSame = false,
    mute = false,
    relay,
    ...options
  } = {}) => {
    const samePort = isSame ? await keptPorts() : 0;
    const place = await start({ ...options, port: samePort });
    let sessions = 0;
    const listener = new WebTransportListener({
      listen: { host: '127.0.0.1', port: samePort },
      accept: (channel) => {
        sessions++;
        return mute ? DEAF : place.server.accept(channel);
      },
      hosts: relay ? [`127.0.0.1:${relay.port}`] : [],
      certificates: certificates ?? new SelfMadeCertificates(['localhost'], Date.now()),
    });
    const { port } = await listener.open();
    atEnd(() => listener.close());
    if (relay) relay.target = port;
    const webTransportUrl = `https://127.0.0.1:${relay?.port ?? port}/ratatoskr`;
    return { place, listener, webTransportUrl, sessions: () => sessions };
  };
}
