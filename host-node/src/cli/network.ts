import { type Command, Option } from 'commander';
import { formatAddress } from '../http/socket-address.ts';
import type { LogLevel } from '../log/log-level.ts';
import { createLogger } from '../log/logger.ts';
import { LiveScreen } from '../network/live-screen.ts';
import { LocalNetwork } from '../network/local-network.ts';
import { type NetworkView, renderNetwork } from '../network/network-table.ts';
import type { AndvariNode } from '../node.ts';
import type { CommandContext } from './command-context.ts';
import {
  parseBasePort,
  parseEndpointAddress,
  parseLogLevel,
  parsePeerPort,
  parsePort,
} from './options.ts';

interface UpOptions {
  basePort: number;
  httpBasePort: number;
  pagePort: number;
  ratatoskrPort: number;
  relayPort: number;
  peerPort: number;
  peers: boolean;
  connect?: string[];
  data: string;
  wire: 'spec' | 'legacy';
  logLevel: LogLevel;
  json?: boolean;
}

/** `andvari network up`. */
export function registerNetworkCommands(program: Command, context: CommandContext): void {
  const network = program.command('network').description('a whole RAIDA network on this machine');
  network
    .command('up')
    .summary('start 25 servers and the wallet page, until Ctrl-C')
    .description(
      'Start 25 RAIDA servers and the wallet page in one process, for this machine alone. The ' +
        'first start makes demo coins, which the page hands out. Ctrl-C stops everything; ' +
        'a second one does not wait.',
    )
    .option('--base-port <port>', 'RAIDA n listens on this + n, UDP and TCP', parseBasePort, 25000)
    .option('--http-base-port <port>', 'its HTTP and WebSocket on this + n', parseBasePort, 9100)
    .option('--page-port <port>', 'the wallet page', parsePort, 8080)
    .option('--ratatoskr-port <port>', 'the Ratatoskr endpoint', parsePort, 50062)
    .option('--relay-port <port>', 'the relay by which the page sends files', parsePort, 50063)
    .option(
      '--peer-port <port>',
      'its peer node on this + n, TCP, and for the page on this + 25 + n',
      parsePeerPort,
      9200,
    )
    .option('--no-peers', 'the servers are no peers of each other, which saves 200 MB')
    .option(
      '--connect <address>',
      'another Ratatoskr endpoint or relay that the page may connect to (wss://, https://); ' +
        'repeatable',
      parseEndpointAddress,
    )
    .option(
      '--data <dir>',
      'where the coins and the seed of the demo coins are kept',
      'data/network',
    )
    .addOption(
      new Option('--wire <name>', 'wire of encryption types 0, 1, 2; legacy suits public clients')
        .choices(['spec', 'legacy'])
        .default('spec'),
    )
    .option('--log-level <level>', 'what the log on stderr tells', parseLogLevel, 'warn')
    .option('--json', 'one event per line on stdout, and the log as JSON')
    .addHelpText('after', '\nEvery port may be 0: any free port.')
    .action((options: UpOptions) => up(options, context));
}

async function up(options: UpOptions, context: CommandContext): Promise<void> {
  let screen: LiveScreen | undefined;
  const logger = createLogger({
    level: options.logLevel,
    json: options.json ?? false,
    write: (line) => (screen ? screen.log(line) : context.stderr.write(line)),
  });
  const network = await LocalNetwork.start({
    dataDir: options.data,
    basePort: options.basePort,
    httpBasePort: options.httpBasePort,
    pagePort: options.pagePort,
    ratatoskrPort: options.ratatoskrPort,
    relayPort: options.relayPort,
    ...(options.peers ? { peerPort: options.peerPort } : {}),
    ...(options.connect ? { connect: options.connect } : {}),
    wire: options.wire,
    logger,
    readinessChanged: (raidaId, readiness) => {
      if (options.json) context.event({ event: 'readiness', raidaId, ...readiness });
    },
  });
  if (options.json) announceJson(network, context);
  else if (context.interactive) screen = draw(network, context);
  else announce(network, options.data, context);
  await context.interrupted();
  screen?.stop();
  screen = undefined;
  if (options.json) context.event({ event: 'stopping' });
  else context.note('stopping: waiting for the last commits');
  await network.close();
  if (options.json) context.event({ event: 'stopped' });
  else context.note('stopped');
}

function announce(network: LocalNetwork, dataDir: string, context: CommandContext): void {
  const hint = network.walletBuilt ? '' : ' (the page is not built: npm run build)';
  const raida = range(network.nodes.map((node) => node.addresses.raida.port));
  const http = range(network.nodes.map(httpPort));
  context.note(`wallet: ${network.wallet}${hint}`);
  context.note(
    `25 servers ready on 127.0.0.1: UDP and TCP ${raida}, HTTP ${http}; data: ${dataDir}`,
  );
  context.note(`Ratatoskr: ${network.ratatoskr.url}`);
  context.note(`relay for files: ${network.relay}`);
  if (!network.peers) return;
  const { addresses } = network.peers;
  const portOf = (address = '') => Number(address.split('/')[4]);
  const peers = range(addresses.map(({ address }) => portOf(address)));
  const pages = range(addresses.map(({ websocket }) => portOf(websocket)));
  context.note(`peers of each other: TCP ${peers}; of the page: WebSocket ${pages}`);
}

/** `25000-25024`; ports that the system has chosen are too many words. */
function range(ports: readonly number[]): string {
  const [first = 0] = ports;
  const inRow = ports.every((port, index) => port === first + index);
  return inRow ? `${first}-${first + ports.length - 1}` : '(any; --json lists them)';
}

function announceJson(network: LocalNetwork, context: CommandContext): void {
  for (const { raidaId, addresses } of network.nodes) {
    const http = addresses.http && formatAddress(addresses.http);
    context.event({ event: 'node', raidaId, raida: formatAddress(addresses.raida), http });
  }
  const { wallet, walletBuilt, socketNetwork } = network;
  context.event({
    event: 'ready',
    wallet,
    walletBuilt,
    network: network.network,
    socketNetwork,
    ratatoskr: network.ratatoskr,
    relay: network.relay,
    ...(network.peers ? { peers: network.peers.addresses } : {}),
  });
}

function draw(network: LocalNetwork, context: CommandContext): LiveScreen {
  const { stderr, color } = context;
  const screen = new LiveScreen(stderr, () =>
    renderNetwork(viewOf(network), {
      // A terminal that was never given a size says 0.
      columns: stderr.columns || 80,
      rows: stderr.rows || 24,
      color,
    }),
  );
  screen.start();
  return screen;
}

function viewOf(network: LocalNetwork): NetworkView {
  const peers = network.peers?.rows ?? [];
  return {
    wallet: network.wallet,
    walletBuilt: network.walletBuilt,
    demoVisitors: network.demoCoins.left,
    rows: network.nodes.map((node) => ({
      raidaId: node.raidaId,
      port: node.addresses.raida.port,
      httpPort: httpPort(node),
      ready: node.ready,
      requests: node.statistics.requests,
      coins: node.coins,
      lastStatus: node.statistics.lastStatus,
      peer: peers[node.raidaId],
    })),
  };
}

function httpPort(node: AndvariNode): number {
  return node.addresses.http?.port ?? 0;
}
