/** What a relay tells its operator's monitor: /metrics and /healthz, on a listener of its own. */
import { Registry } from 'prom-client';
import { HttpListener, send, sendText } from '../../http/http-listener.ts';
import { processRegistry } from '../../http/process-metrics.ts';
import type { SocketAddress } from '../../io/packet-io.ts';
import type { StunServer } from '../../stun/stun-server.ts';
import { registerRelayMetrics } from './relay-metrics.ts';
import type { RelayServer } from './relay-server.ts';

export interface RelayPage {
  address: SocketAddress;
  close(): Promise<void>;
}

/**
 * Opens it, in clear, for whoever reaches it.
 * @throws PortInUseError, AddressError
 */
export async function openRelayPage(
  relay: RelayServer,
  listen: SocketAddress,
  failed: (error: unknown) => void,
  stun?: StunServer,
): Promise<RelayPage> {
  const registry = new Registry();
  registerRelayMetrics(registry, relay, stun);
  const listener = new HttpListener({
    // There is nothing to change here, and nothing that is secret.
    admits: () => true,
    route: (path) => {
      if (path === '/healthz')
        return { GET: (_request, response) => sendText(response, 200, 'alive') };
      if (path !== '/metrics') return undefined;
      return {
        GET: async (_request, response) => {
          const text = `${await registry.metrics()}\n${await processRegistry().metrics()}`;
          send(response, 200, registry.contentType, text);
        },
      };
    },
    failed,
  });
  const address = await listener.open(listen);
  return { address, close: () => listener.close() };
}
