import type { Command } from 'commander';
import { formatAddress, isWildcard } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import { examineNat, type NatBehaviour, type NatReport } from '../stun/nat.ts';
import { hostTowards, openStunSocket } from '../stun/stun-socket.ts';
import { resolvePlace } from '../transfer/call-peer.ts';
import type { CommandContext } from './command-context.ts';
import { parseListen, parseStunServer } from './transfer-address.ts';

interface NatOptions {
  listen?: SocketAddress;
  json?: boolean;
}

/** `andvari nat`. */
export function registerNatCommand(program: Command, context: CommandContext): void {
  program
    .command('nat')
    .argument('<server>', 'a STUN server: HOST, HOST:PORT or [IPv6]:PORT', parseStunServer)
    .summary('see how the network lets peers in')
    .description(
      'Ask a STUN server (andvari relay --stun is one) from which address this machine is seen. ' +
        'A server with two addresses also shows how a NAT on the way maps and filters (RFC 5780).',
    )
    .option('--listen <host:port>', 'the address to ask from [any]', parseListen)
    .option('--json', 'one JSON object')
    .addHelpText('after', '\nExit codes: 0 an answer came, 1 wrong use, 2 no answer came.')
    .action((server: SocketAddress, options: NatOptions) => nat(server, options, context));
}

async function nat(named: SocketAddress, options: NatOptions, context: CommandContext) {
  const { signal } = context;
  const server = await resolvePlace(named, signal);
  const any = { host: server.host.includes(':') ? '::' : '0.0.0.0', port: 0 };
  const socket = await openStunSocket(options.listen ?? any);
  try {
    const { bound } = socket;
    const host = isWildcard(bound.host) ? await hostTowards(server) : bound.host;
    const local = host === undefined ? undefined : { host, port: bound.port };
    const report = await examineNat(socket.client, server, local, { signal });
    if (options.json) context.event({ event: 'nat', ...jsonOf(report, local) });
    else tell(report, local, context);
  } finally {
    await socket.close();
  }
}

function jsonOf(report: NatReport, local: SocketAddress | undefined) {
  const { mapped, isTranslated, mapping, filtering, roundTripMs } = report;
  return {
    local: local && formatAddress(local),
    mapped: formatAddress(mapped),
    ...{ translated: isTranslated, mapping, filtering },
    roundTripMs: Math.round(roundTripMs * 10) / 10,
  };
}

function tell(report: NatReport, local: SocketAddress | undefined, context: CommandContext): void {
  const { mapped, isTranslated, mapping, filtering, roundTripMs } = report;
  const own = local ? `, which is ${formatAddress(local)} here` : '';
  context.result(`seen as ${formatAddress(mapped)}${own} (${roundTripMs.toFixed(1)} ms)`);
  if (isTranslated === false) context.result('no NAT changes the address');
  else if (mapping) context.result(`mapping: ${MAPPINGS[mapping]}`);
  if (filtering) context.result(`filtering: ${FILTERS[filtering]}`);
  else context.note('the server has one address: how packets are filtered it cannot tell');
}

const MAPPINGS: Readonly<Record<NatBehaviour, string>> = {
  'endpoint-independent': 'one outer address for everybody (endpoint-independent)',
  'address-dependent': 'another outer address for each host (address-dependent)',
  'address-and-port-dependent':
    'another outer address for each host and port (address-and-port-dependent)',
};
const FILTERS: Readonly<Record<NatBehaviour, string>> = {
  'endpoint-independent': 'anybody may send to it (endpoint-independent)',
  'address-dependent': 'hosts that were sent to may send (address-dependent)',
  'address-and-port-dependent':
    'hosts and ports that were sent to may send (address-and-port-dependent)',
};
