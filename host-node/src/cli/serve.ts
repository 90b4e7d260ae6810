import type { Command } from 'commander';
import { BareNode } from '../bare-node.ts';
import { type Config, ConfigError, effectiveConfig, loadConfig } from '../config/config.ts';
import { DirectoryError, makeDirectory } from '../files/directory.ts';
import type { Readiness } from '../http/http-server.ts';
import { formatAddress } from '../http/socket-address.ts';
import { createLogger, type Logger } from '../log/logger.ts';
import { AndvariNode, type NodeSurroundings } from '../node.ts';
import type { PeerDaemon } from '../peer/peer-daemon.ts';
import { StoreClient } from '../store/store-client.ts';
import { TransferDaemon } from '../transfer/daemon.ts';
import { registerTransferMetrics } from '../transfer/transfer-metrics.ts';
import type { CommandContext } from './command-context.ts';
import { type ConfigOptions, configSources, withConfigOptions } from './config-options.ts';
import { peerOptionsOf } from './serve-peer.ts';
import { nodeOptionsOf, sharedOptionsOf } from './serve-raida.ts';
import { transferOptionsOf } from './serve-transfer.ts';

interface ServeOptions extends ConfigOptions {
  checkConfig?: boolean;
  json?: boolean;
}

/** `andvari serve`. */
export function registerServeCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('serve')
    .summary('run one node from a configuration file')
    .description(
      'Run one node with what is configured: a RAIDA server (UDP and TCP on one port, and the ' +
        'WebSocket /raida), a Ratatoskr endpoint, a peer, a receiver of files; and HTTP with ' +
        '/healthz, /readyz and /metrics. SIGINT or SIGTERM stops it when its last replies have ' +
        'left.',
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
  const failure = Promise.withResolvers<never>();
  // Looked at below, when the node is up.
  failure.promise.catch(() => undefined);
  let node: ServedNode | undefined;
  // A hang-up reads files anew; while the server starts or stops there is nothing to read for it.
  // Without anything to read anew it stops the server, as it does other commands.
  let peers: PeerDaemon | undefined;
  const reload = () => {
    node?.ratatoskr?.reload();
    peers?.reload();
  };
  if (config.ratatoskr || config.peer) process.on('SIGHUP', reload);
  const watcher = {
    logger,
    readyChanged: (readiness: Readiness) => {
      if (options.json) context.event({ event: 'readiness', ...readiness });
    },
    failed: (error: Error) => failure.reject(error),
  };
  const work = async (started: ServedNode) => {
    node = started;
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
    }
  };
  try {
    await withNode(config, watcher, work);
  } finally {
    process.off('SIGHUP', reload);
  }
  if (options.json) context.event({ event: 'stopped' });
  else context.note('stopped');
}

type ServedNode = AndvariNode | BareNode;

/** With a RAIDA server and its store, if that is wanted; it is closed with the work. */
async function withNode(
  config: Config,
  watcher: Omit<NodeSurroundings, 'storeThread'>,
  work: (node: ServedNode) => Promise<void>,
): Promise<void> {
  const closed = async (node: ServedNode) => {
    try {
      await work(node);
    } finally {
      await node.close();
    }
  };
  if (!config.raida) {
    await closed(await BareNode.start(sharedOptionsOf(config), watcher.logger));
    return;
  }
  const storeThread = new StoreClient();
  try {
    const options = nodeOptionsOf(config, config.raida);
    await closed(await AndvariNode.start(options, { ...watcher, storeThread }));
  } finally {
    await storeThread.close();
  }
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

interface Announced {
  node: ServedNode;
  transfer: TransferDaemon | undefined;
  peers: PeerDaemon | undefined;
}

function announce(
  { node, transfer, peers }: Announced,
  json: boolean,
  context: CommandContext,
): void {
  const served = node instanceof AndvariNode ? raidaOf(node) : undefined;
  const http = node.addresses.http && formatAddress(node.addresses.http);
  const ratatoskr = node.addresses.ratatoskr && formatAddress(node.addresses.ratatoskr);
  const serverKey = Buffer.from(node.ratatoskr?.server.publicKey ?? []).toString('hex');
  if (json) {
    const more = ratatoskr ? { ratatoskr, serverKey } : {};
    const codes = transfer ? { transfer: transfer.node.codes() } : {};
    const peer = peers ? { peer: peers.description } : {};
    context.event({ event: 'ready', ...served, http, ...more, ...codes, ...peer });
    return;
  }
  const at = `http://${http}`;
  if (served) {
    context.note(`RAIDA ${served.raidaId} serves on ${served.raida} (UDP and TCP) and ${at}`);
  } else {
    context.note(`without a RAIDA server; /healthz, /readyz and /metrics on ${at}`);
  }
  if (ratatoskr) context.note(`Ratatoskr on ${ratatoskr}; its answers are signed by ${serverKey}`);
  for (const code of transfer?.node.codes() ?? []) context.note(`files of trusted peers: ${code}`);
  if (!peers) return;
  const { addresses, key } = peers.description;
  context.note(`peers: ${addresses.join(' ')}; its key for their whitelists: ${key}`);
}

function raidaOf({ raidaId, addresses }: AndvariNode): { raidaId: number; raida: string } {
  return { raidaId, raida: formatAddress(addresses.raida) };
}
