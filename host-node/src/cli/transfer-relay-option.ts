/** The relay of a node, as commands are told it. */

import { parseRelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import { type Command, InvalidArgumentError } from 'commander';
import type { SocketAddress } from '../io/packet-io.ts';
import { STUN_SERVERS_MAX } from '../stun/limits.ts';
import type { UpgradeServers } from '../transfer/open-endpoint.ts';
import type { WsRelayOptions } from '../transfer/relay/ws-relay.ts';
import { parseStunServer } from './transfer-address.ts';
import { readRegularFile } from './wallet-read.ts';

const CA_BYTES_MAX = 1 << 20;

export interface RelayOptions {
  relay?: WsRelayOptions;
  relayCa?: string;
  upgrade: boolean;
  stun?: SocketAddress[];
}

export function withRelay(command: Command): Command {
  const relayed = command.option(
    '--relay <url>',
    'a relay where peers meet that have no address (wss://HOST:PORT/relay; #HASH behind it: ' +
      'trust the certificate with this SHA-256)',
    parseRelay,
  );
  return withUpgrade(relayed);
}

/** Of a command that is told elsewhere which relay it is. */
export function withUpgrade(command: Command): Command {
  return command
    .option('--relay-ca <file>', "authorities to trust for it in the place of the system's, PEM")
    .option('--no-upgrade', 'stay at the relay: look for no direct way, tell the peer no address')
    .option(
      '--stun <host:port>',
      'a server that says how this machine is seen beyond a NAT (again for more, 4 at most)',
      parseStun,
    );
}

/** @param relay instead of the option, if given. @throws what the file system says */
export function relayOf(
  options: RelayOptions,
  relay: WsRelayOptions | undefined = options.relay,
): WsRelayOptions | undefined {
  if (!relay || options.relayCa === undefined) return relay;
  return { ...relay, ca: new TextDecoder().decode(readRegularFile(options.relayCa, CA_BYTES_MAX)) };
}

/** What openNodeEndpoint() takes of it; undefined: no. */
export function upgradeOf({ upgrade, stun = [] }: RelayOptions): UpgradeServers | undefined {
  return upgrade ? { stun } : undefined;
}

function parseStun(text: string, before: SocketAddress[] = []): SocketAddress[] {
  const all = [...before, parseStunServer(text)];
  if (all.length <= STUN_SERVERS_MAX) return all;
  throw new InvalidArgumentError(`wanted ${STUN_SERVERS_MAX} STUN servers at most.`);
}

function parseRelay(text: string): WsRelayOptions {
  try {
    return parseRelayAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
