/** What [peer] says, as a peer node takes it. */
import type { PeerConfig } from '../config/peer-config.ts';
import type { PeerDaemonOptions } from '../peer/peer-daemon.ts';
import { dataFolder, peerSocketPath } from '../transfer/data-folder.ts';
import type { CommandContext } from './command-context.ts';

/** Where nothing is said, the socket is that of `andvari peers`. */
export function peerOptionsOf(config: PeerConfig, context: CommandContext): PeerDaemonOptions {
  const controlSocket = config.controlSocket ?? peerSocketPath(dataFolder(context.env));
  return { ...config, controlSocket };
}
