/** The relay of a node, as commands are told it. */

import { parseRelayAddress } from '@andvari/host-common/transfer/relay/relay-address';
import { type Command, InvalidArgumentError } from 'commander';
import type { WsRelayOptions } from '../transfer/relay/ws-relay.ts';
import { readRegularFile } from './wallet-read.ts';

const CA_BYTES_MAX = 1 << 20;

export interface RelayOptions {
  relay?: WsRelayOptions;
  relayCa?: string;
}

export function withRelay(command: Command): Command {
  return command
    .option(
      '--relay <url>',
      'a relay where peers meet that have no address (wss://HOST:PORT/relay; #HASH behind it: ' +
        'trust the certificate with this SHA-256)',
      parseRelay,
    )
    .option('--relay-ca <file>', "authorities to trust for it in the place of the system's, PEM");
}

/** @param relay instead of the option, if given. @throws what the file system says */
export function relayOf(
  options: RelayOptions,
  relay: WsRelayOptions | undefined = options.relay,
): WsRelayOptions | undefined {
  if (!relay || options.relayCa === undefined) return relay;
  return { ...relay, ca: new TextDecoder().decode(readRegularFile(options.relayCa, CA_BYTES_MAX)) };
}

function parseRelay(text: string): WsRelayOptions {
  try {
    return parseRelayAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
