/** What a configuration says of a RAIDA server, as a node takes it. */
import { DENOMINATIONS } from '@andvari/host-common/engine/generated/limits';
import type { Config } from '../config/config.ts';
import type { RaidaConfig } from '../config/raida-config.ts';
import { NO_ORIGIN } from '../http/allow-list.ts';
import type { NodeOptions } from '../node.ts';
import { resolveStoreUrl } from '../store/open-store.ts';
import { ratatoskrOptionsOf } from './serve-ratatoskr.ts';

/** What a node takes with a RAIDA server and without. */
export function sharedOptionsOf(config: Config) {
  const { http, ratatoskr } = config;
  return {
    ...(ratatoskr ? { ratatoskr: ratatoskrOptionsOf(config, ratatoskr) } : {}),
    http: {
      listen: http.listen,
      hosts: http.allowedHosts,
      origins: [...http.allowedOrigins, NO_ORIGIN],
    },
  };
}

export function nodeOptionsOf(config: Config, raida: RaidaConfig): NodeOptions {
  const { store, node, io } = config;
  const adminKey = raida.adminKey?.reveal();
  return {
    ...sharedOptionsOf(config),
    listen: raida.listen,
    raidaId: raida.number,
    coinId: raida.coinId,
    wire: raida.wire,
    modern: raida.modern,
    pagesPerDenomination: raida.pagesPerDenomination,
    ...(adminKey ? { adminKey } : {}),
    adminClear: raida.adminClear,
    storeUrl: resolveStoreUrl(store.url, node.dataDir),
    dataDir: node.dataDir,
    ...(raida.servers.length > 0 ? { servers: raida.servers } : {}),
    ...(raida.proxy ? { proxy: raida.proxy } : {}),
    btcConfirmations: raida.btcConfirmations,
    openKeyRecords: raida.openKeyRecords,
    integritySeconds: raida.integrityFreqS,
    io,
    // A server has room for all its pages; memory is taken as they are touched.
    sizes: {
      pageSlots: DENOMINATIONS * raida.pagesPerDenomination,
      lockerCoins: raida.lockerCoins,
    },
  };
}
