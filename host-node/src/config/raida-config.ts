/** The section [raida]; absent, and without a number, there is no RAIDA server. */
import { type ConfigKey, type ConfigValues, type Endpoint, flagName } from './config-keys.ts';
import type { ConfigProblem } from './config-problem.ts';
import type { Secret } from './secret.ts';

export interface RaidaConfig {
  number: number;
  listen: Endpoint;
  wire: 'spec' | 'legacy';
  modern: boolean;
  coinId: number;
  pagesPerDenomination: number;
  adminKey: Secret | undefined;
  adminClear: boolean;
  /** 4/45 replaces the AN of any coin that a record names. */
  openKeyRecords: boolean;
  /** 25, or none. */
  servers: Endpoint[];
  /** Undefined: neither an address nor a key is configured. */
  proxy: ProxyConfig | undefined;
  /** Confirmations that a Bitcoin transaction must have. */
  btcConfirmations: number;
  /** Seconds between two runs over the Merkle trees; wire legacy only. */
  integrityFreqS: number;
  /** Coins that lie in lockers at once, at the most; a power of two. */
  lockerCoins: number;
}

/** The proxy of the crossover commands. */
export interface ProxyConfig extends Endpoint {
  key: Secret;
}

type PlaceOf = (key: ConfigKey) => { source: string; given: boolean };

const SERVED = ['raida.', 'ratatoskr.', 'transfer.', 'peer.'] as const;

/**
 * What is given without the server that it is for, or that nothing is to be served at all.
 * @param place of the configuration as a whole
 */
export function raidaProblems(placeOf: PlaceOf, keys: readonly ConfigKey[], place: string) {
  if (placeOf('raida.number').given) return [];
  const given = keys.filter((key) => placeOf(key).given);
  const [first] = given.filter(isOfRaida);
  if (first !== undefined) {
    const number = `raida.number (${flagName('raida.number')})`;
    const reason = `only a RAIDA server takes it: wanted ${number} too`;
    return [problem(placeOf(first).source, reason, 'ANDVARI_CONFIG_MISSING', first)];
  }
  if (given.some((key) => SERVED.some((section) => key.startsWith(section)))) return [];
  const reason =
    'nothing to serve: wanted raida.number, or listen in [ratatoskr], [transfer] or [peer]';
  return [problem(place, reason, 'ANDVARI_CONFIG_NOTHING')];
}

/** Pages reach a RAIDA server by the WebSocket of the HTTP listener alone. */
function isOfRaida(key: ConfigKey): boolean {
  return /^(raida|store|io)\./.test(key) || key === 'http.allowed_origins';
}

function problem(
  source: string,
  reason: string,
  code: 'ANDVARI_CONFIG_MISSING' | 'ANDVARI_CONFIG_NOTHING',
  key?: ConfigKey,
): ConfigProblem {
  return { source, ...(key === undefined ? {} : { key }), reason, code };
}

/** @param isWanted whether a number is given, as it should be or not */
export function emitRaida(
  values: ConfigValues,
  keys: { admin: Secret | undefined; proxy: Secret | undefined },
  isWanted: boolean,
): RaidaConfig | undefined {
  if (!isWanted) return undefined;
  const proxyHost: string | undefined = values['raida.proxy_addr'];
  return {
    number: values['raida.number'],
    listen: values['raida.listen'],
    wire: values['raida.wire'],
    modern: values['raida.modern'],
    coinId: values['raida.coin_id'],
    pagesPerDenomination: values['raida.pages_per_denomination'],
    adminKey: keys.admin,
    adminClear: values['raida.admin_clear'],
    openKeyRecords: values['raida.open_key_records'],
    servers: values['raida.servers'],
    proxy:
      keys.proxy && proxyHost !== undefined
        ? { host: proxyHost, port: values['raida.proxy_port'], key: keys.proxy }
        : undefined,
    btcConfirmations: values['raida.btc_confirmations'],
    integrityFreqS: values['raida.integrity_freq'],
    lockerCoins: values['raida.locker_coins'],
  };
}
