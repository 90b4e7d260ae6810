import { DENOMINATIONS } from '@andvari/host-common/engine/generated/limits';
import type { Command } from 'commander';
import { type Config, ConfigError, effectiveConfig, loadConfig } from '../config/config.ts';
import { DirectoryError, makeDirectory } from '../files/directory.ts';
import { NO_ORIGIN } from '../http/allow-list.ts';
import { formatAddress } from '../http/socket-address.ts';
import { createLogger, type Logger } from '../log/logger.ts';
import { AndvariNode, type NodeOptions } from '../node.ts';
import type { PeerDaemon } from '../peer/peer-daemon.ts';
import { resolveStoreUrl } from '../store/open-store.ts';
import { StoreClient } from '../store/store-client.ts';
import { TransferDaemon } from '../transfer/daemon.ts';
import { registerTransferMetrics } from '../transfer/transfer-metrics.ts';
import type { CommandContext } from './command-context.ts';
import { type ConfigOptions, configSources, withConfigOptions } from './config-options.ts';
import { peerOptionsOf } from './serve-peer.ts';
import { ratatoskrOptionsOf } from './serve-ratatoskr.ts';
import { transferOptionsOf } from './serve-transfer.ts';

interface ServeOptions extends ConfigOptions {
  checkConfig?: boolean;
  json?: boolean;
}

/** `andvari serve`. */
export function registerServeCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('serve')
    .summary('run one RAIDA server from a configuration file')
    .description(
      'Run one RAIDA server: UDP and TCP on one port, and HTTP with /healthz, /readyz, /metrics ' +
        'and the WebSocket /raida. SIGINT or SIGTERM stops it when its last replies have left.',
    )
    .option('--check-config', 'print the effective configuration with the source of each value')
    .option('--json', 'events and the log as JSON, one object per line');
  withConfigOptions(command).addHelpText(
    'after',
    'Programs reach /raida without an Origin header; a page needs one that is in ' +
      'http.allowed_origins.',
  );
  command.action((options: ServeOptions) => serve(options, context));
}

/** A folder that cannot be made is a fault of its key. */
function makeDataDirectory(config: Config): void {
  try {
    makeDirectory(config.node.dataDir, 0o750);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    const source = config.effective.find(({ key }) => key === 'node.data_dir')?.source;
    const problem = { key: 'node.data_dir', reason: error.message, code: error.code };
    throw new ConfigError([{ source: source ?? 'default', ...problem }], { cause: error });
  }
}

async function serve(options: ServeOptions, context: CommandContext): Promise<void> {
  const config = loadConfig(configSources(options, context));
  if (options.checkConfig) {
    if (options.json) for (const value of config.effective) context.event(value);
    else context.stdout.write(effectiveConfig(config));
    return;
  }
  const logger = createLogger({ level: config.log.level, json: options.json ?? false });
  makeDataDirectory(config);
  const storeThread = new StoreClient();
  const failure = Promise.withResolvers<never>();
  // Looked at below, when the node is up.
  failure.promise.catch(() => undefined);
  let node: AndvariNode | undefined;
  // A hang-up reads files anew; while the server starts or stops there is nothing to read for it.
  // Without anything to read anew it stops the server, as it does other commands.
  let peers: PeerDaemon | undefined;
  const reload = () => {
    node?.ratatoskr?.reload();
    peers?.reload();
  };
  if (config.ratatoskr || config.peer) process.on('SIGHUP', reload);
  try {
    node = await AndvariNode.start(nodeOptionsOf(config), {
      storeThread,
      logger,
      readyChanged: (readiness) => {
        if (options.json) context.event({ event: 'readiness', ...readiness });
      },
      failed: (error) => failure.reject(error),
    });
    const started = node;
    try {
      peers = await openPeers(config, { logger, context });
      await withTransfer(config, { logger, context }, async (transfer) => {
        if (transfer) {
          started.addMetrics((registry) => registerTransferMetrics(registry, transfer.node));
        }
        announce({ node: started, transfer, peers }, options.json ?? false, context);
        await Promise.race([context.interrupted(), failure.promise]).finally(() => {
          if (options.json) context.event({ event: 'stopping' });
        });
      });
    } finally {
      node = undefined;
      await peers?.close();
      await started.close();
    }
  } finally {
    await storeThread.close();
    process.off('SIGHUP', reload);
  }
  if (options.json) context.event({ event: 'stopped' });
  else context.note('stopped');
}

/** libp2p is loaded where it is wanted alone. */
async function openPeers(
  { peer: config }: Config,
  { logger, context }: { logger: Logger; context: CommandContext },
): Promise<PeerDaemon | undefined> {
  if (!config) return undefined;
  const { PeerDaemon } = await import('../peer/peer-daemon.ts');
  return PeerDaemon.open(peerOptionsOf(config, context), logger);
}

/** With the node that receives files, if there is to be one; it ends with the work. */
async function withTransfer(
  { transfer: config }: Config,
  { logger, context }: { logger: Logger; context: CommandContext },
  work: (transfer: TransferDaemon | undefined) => Promise<void>,
): Promise<void> {
  if (!config) {
    await work(undefined);
    return;
  }
  const transfer = await TransferDaemon.open(transferOptionsOf(config, context), logger);
  try {
    await work(transfer);
  } finally {
    await transfer.close();
  }
}

/** What a configuration file says, as a node takes it. */
export function nodeOptionsOf(config: Config): NodeOptions {
  const { raida, http, store, node, io } = config;
  const adminKey = raida.adminKey?.reveal();
  return {
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
    ...(config.ratatoskr ? { ratatoskr: ratatoskrOptionsOf(config, config.ratatoskr) } : {}),
    http: {
      listen: http.listen,
      hosts: http.allowedHosts,
      origins: [...http.allowedOrigins, NO_ORIGIN],
    },
    // A server has room for all its pages; memory is taken as they are touched.
    sizes: {
      pageSlots: DENOMINATIONS * raida.pagesPerDenomination,
      lockerCoins: raida.lockerCoins,
    },
  };
}

interface Announced {
  node: AndvariNode;
  transfer: TransferDaemon | undefined;
  peers: PeerDaemon | undefined;
}

function announce(
  { node, transfer, peers }: Announced,
  json: boolean,
  context: CommandContext,
): void {
  const raida = formatAddress(node.addresses.raida);
  const http = node.addresses.http && formatAddress(node.addresses.http);
  const ratatoskr = node.addresses.ratatoskr && formatAddress(node.addresses.ratatoskr);
  const serverKey = Buffer.from(node.ratatoskr?.server.publicKey ?? []).toString('hex');
  if (json) {
    const more = ratatoskr ? { ratatoskr, serverKey } : {};
    const codes = transfer ? { transfer: transfer.node.codes() } : {};
    const peer = peers ? { peer: peers.description } : {};
    context.event({
      event: 'ready',
      raidaId: node.raidaId,
      raida,
      http,
      ...more,
      ...codes,
      ...peer,
    });
    return;
  }
  context.note(`RAIDA ${node.raidaId} serves on ${raida} (UDP and TCP) and http://${http}`);
  if (ratatoskr) context.note(`Ratatoskr on ${ratatoskr}; its answers are signed by ${serverKey}`);
  for (const code of transfer?.node.codes() ?? []) context.note(`files of trusted peers: ${code}`);
  if (!peers) return;
  const { addresses, key } = peers.description;
  context.note(`peers: ${addresses.join(' ')}; its key for their whitelists: ${key}`);
}
