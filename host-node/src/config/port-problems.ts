/** Listeners of one configuration that want the same port. */
import { isWildcard } from '../http/socket-address.ts';
import type { ConfigKey, ConfigValues, Endpoint } from './config-keys.ts';

type ListenKey = Extract<ConfigKey, `${string}.${'' | 'websocket_'}listen`>;

/** With its transport: TCP and UDP do not meet. */
interface Listener {
  key: ListenKey;
  transport: 'TCP' | 'UDP';
  endpoint: Endpoint;
}

export interface PortProblem {
  key: ListenKey;
  reason: string;
  code: 'ANDVARI_CONFIG_PORT_TWICE';
  severity: 'error';
}

/** One for each listener that finds its port taken by one before it. */
export function portProblems(values: Partial<ConfigValues>): PortProblem[] {
  const listeners = listenersOf(values);
  return listeners.flatMap((listener, index) => {
    const before = listeners.slice(0, index).find((other) => meet(listener, other));
    if (!before) return [];
    const { key, transport, endpoint } = listener;
    const reason = `${transport} port ${endpoint.port} is that of ${before.key} too`;
    return [{ key, reason, code: 'ANDVARI_CONFIG_PORT_TWICE', severity: 'error' }];
  });
}

/** A listener that has a default, and is none without the server. */
const RAIDA: [ListenKey, ...Listener['transport'][]] = ['raida.listen', 'TCP', 'UDP'];

function listenersOf(values: Partial<ConfigValues>): Listener[] {
  const withWebTransport = values['ratatoskr.webtransport'] === true;
  const wanted: [ListenKey, ...Listener['transport'][]][] = [
    ...(values['raida.number'] === undefined ? [] : [RAIDA]),
    ['http.listen', 'TCP'],
    withWebTransport ? ['ratatoskr.listen', 'TCP', 'UDP'] : ['ratatoskr.listen', 'TCP'],
    ['transfer.listen', 'UDP'],
    ['peer.listen', 'TCP'],
    ['peer.websocket_listen', 'TCP'],
  ];
  return wanted.flatMap(([key, ...transports]) => {
    const endpoint = values[key];
    return endpoint ? transports.map((transport) => ({ key, transport, endpoint })) : [];
  });
}

/** Port 0 is another one each time. */
function meet(one: Listener, other: Listener): boolean {
  const [a, b] = [one.endpoint, other.endpoint];
  if (one.transport !== other.transport || a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || covers(a.host, b.host) || covers(b.host, a.host);
}

/** `::` takes IPv4 too, 0.0.0.0 no IPv6. */
function covers(wildcard: string, host: string): boolean {
  return isWildcard(wildcard) && (wildcard === '::' || !host.includes(':'));
}
