import { RELAY_PATH } from '@andvari/host-common/transfer/relay/relay-channel';
import { type Command, InvalidArgumentError } from 'commander';
import { NO_ORIGIN } from '../http/allow-list.ts';
import { formatAddress, isWildcard } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { StunServer } from '../stun/stun-server.ts';
import { ownAddresses } from '../transfer/own-addresses.ts';
import { BYTES_PER_SECOND_DEFAULT, CLIENTS_DEFAULT } from '../transfer/relay/limits.ts';
import { openRelayPage, type RelayPage } from '../transfer/relay/relay-page.ts';
import { RelayServer } from '../transfer/relay/relay-server.ts';
import {
  CertificateFiles,
  type CertificateSource,
  SelfMadeCertificates,
} from '../webtransport/certificates.ts';
import type { CommandContext } from './command-context.ts';
import { parseListen } from './transfer-address.ts';
import { InputError } from './wallet-input.ts';

const CLIENTS_MAX = 100_000;
const RATE_MIN = 10_000;
const RATE_MAX = 10_000_000_000;

interface RelayOptions {
  listen: SocketAddress;
  name: string[];
  certFile?: string;
  keyFile?: string;
  plain?: boolean;
  rate: number;
  clients: number;
  origin: string[];
  metrics?: SocketAddress;
  stun?: SocketAddress;
  stunOther?: SocketAddress;
  json?: boolean;
}

/** `andvari relay`. */
export function registerRelayCommand(program: Command, context: CommandContext): void {
  program
    .command('relay')
    .summary('let peers meet that cannot reach each other')
    .description(
      'Run a relay until Ctrl-C: peers connect to it by WebSocket over TLS 1.3, show that they ' +
        'have the key of their peer ID, and send each other packets. It sees who sends how much ' +
        'to whom; the packets are sealed. Without --cert-file it makes a certificate, which ' +
        'peers know by its hash.',
    )
    .option('--listen <host:port>', 'where peers connect', parseListen, {
      host: '0.0.0.0',
      port: 8443,
    })
    .option(
      '--name <host>',
      'a name or outer address by which peers dial it, besides the addresses of this machine; ' +
        'repeatable',
      collect,
      [],
    )
    .option('--cert-file <file>', 'certificate, and its chain, in PEM')
    .option('--key-file <file>', 'its private key, in PEM')
    .option('--plain', 'no TLS, for a proxy in front that has it')
    .option(
      '--rate <bytes>',
      'bytes a second that each peer may send',
      wholeFrom(RATE_MIN, RATE_MAX),
      BYTES_PER_SECOND_DEFAULT,
    )
    .option('--clients <n>', 'peers at once', wholeFrom(1, CLIENTS_MAX), CLIENTS_DEFAULT)
    .option('--origin <origin>', 'a page that may connect (https://name); repeatable', collect, [])
    .option(
      '--stun <host:port>',
      'also tell peers there how they are seen (STUN, UDP)',
      parseListen,
    )
    .option(
      '--stun-other <host:port>',
      'a second address of this machine for that, of another host and port: peers see with it ' +
        'what kind of NAT they are behind',
      parseListen,
    )
    .option('--metrics <host:port>', 'serve /metrics and /healthz there, in clear', parseListen)
    .option('--json', 'one JSON object per line')
    .action((options: RelayOptions) => relay(options, context));
}

async function relay(options: RelayOptions, context: CommandContext): Promise<void> {
  const failed = (error: unknown) => context.note(`the relay: ${(error as Error).message}`);
  const certificate = certificateOf(options, failed);
  if (options.stunOther && !options.stun) throw new InputError('--stun-other wants --stun');
  const server = serverOf(options, certificate, failed);
  const address = await server.open();
  let page: RelayPage | undefined;
  let stun: StunServer | undefined;
  try {
    if (options.stun) stun = await stunOf(options.stun, options.stunOther);
    if (options.metrics) page = await openRelayPage(server, options.metrics, failed, stun);
    tellReady({ address, certificate, metrics: page?.address, stun }, options, context);
    await context.interrupted();
    if (options.json) context.event({ event: 'stopping' });
  } finally {
    await page?.close();
    await stun?.close();
    await server.close();
  }
  if (options.json) context.event({ event: 'stopped' });
  else context.note('stopped');
}

/** @throws InputError: a name is none */
function serverOf(
  options: RelayOptions,
  certificate: CertificateSource | undefined,
  failed: (error: unknown) => void,
): RelayServer {
  const { listen, name: names, plain, rate, clients, origin: origins } = options;
  const hosts = isWildcard(listen.host) ? names : [...names, listen.host];
  try {
    return new RelayServer({
      ...{ listen, certificate, hosts, failed },
      allowPlain: plain,
      origins: [...origins, NO_ORIGIN],
      clientsMax: clients,
      bytesPerSecond: rate,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`--name: ${error.message}`);
  }
}

/** @throws InputError: the addresses do not fit together; PortInUseError, AddressError */
async function stunOf(listen: SocketAddress, other: SocketAddress | undefined) {
  try {
    return await StunServer.open({ listen, other });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`--stun-other: ${error.message}`);
  }
}

/** Undefined: in clear. @throws InputError, CertificateError */
function certificateOf(
  { certFile, keyFile, plain, name: names, listen }: RelayOptions,
  failed: (error: unknown) => void,
): CertificateSource | undefined {
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new InputError('a certificate has two files: wanted --cert-file and --key-file');
  }
  if (plain && certFile !== undefined) throw new InputError('--plain has no certificate');
  if (plain) return undefined;
  if (certFile !== undefined && keyFile !== undefined) {
    return new CertificateFiles({ certFile, keyFile }, failed);
  }
  const hosts = [...names, ...ownAddresses(listen).map(({ host }) => host)];
  return new SelfMadeCertificates([...new Set(hosts)], Date.now());
}

interface Opened {
  address: SocketAddress;
  certificate: CertificateSource | undefined;
  metrics: SocketAddress | undefined;
  stun: StunServer | undefined;
}

function tellReady(
  { address, certificate, metrics, stun }: Opened,
  { name: names, plain, json }: RelayOptions,
  context: CommandContext,
): void {
  const { port } = address;
  const places = [...names.map((host) => ({ host, port })), ...ownAddresses(address)];
  const urls = places.map(
    (place) => `${plain ? 'ws' : 'wss'}://${formatAddress(place)}${RELAY_PATH}`,
  );
  const hashes = hashesOf(certificate);
  if (json) {
    context.event({
      event: 'ready',
      address: formatAddress(address),
      ...{ urls, certificateHashes: hashes },
      ...(metrics && { metrics: formatAddress(metrics) }),
      ...(stun && { stun: stunPlaces(stun) }),
    });
    return;
  }
  for (const url of urls) context.result(url);
  for (const hash of hashes) context.note(`SHA-256 of the certificate: ${hash}`);
  if (certificate?.hashes(Date.now()).length) {
    context.note('it is made for this run: the first now, the second from six days on');
  }
  if (metrics) context.note(`metrics on http://${formatAddress(metrics)}/metrics`);
  if (stun) context.note(`STUN on ${stunPlaces(stun).join(' and ')}`);
  context.note('the relay is open; Ctrl-C stops it');
}

function stunPlaces({ address, other }: StunServer): string[] {
  return [address, ...(other ? [other] : [])].map(formatAddress);
}

/** In hex: those of self-made ones, else that of the file. */
function hashesOf(certificate: CertificateSource | undefined): string[] {
  if (!certificate) return [];
  const nowMs = Date.now();
  const made = certificate.hashes(nowMs);
  const hashes = made.length > 0 ? made : [certificate.current(nowMs).hash];
  return hashes.map((hash) => Buffer.from(hash).toString('hex'));
}

function collect(text: string, before: string[]): string[] {
  return [...before, text];
}

function wholeFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,11}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`wanted a whole number from ${least} to ${most}.`);
  };
}
