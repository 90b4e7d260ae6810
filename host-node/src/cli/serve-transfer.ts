/** What [transfer] says, as a node takes it that receives files. */
import type { TransferConfig } from '../config/transfer-config.ts';
import type { TransferDaemonOptions } from '../transfer/daemon.ts';
import {
  controlSocketPath,
  dataFolder,
  identityPath,
  knownPeersPath,
} from '../transfer/data-folder.ts';
import type { CommandContext } from './command-context.ts';
import { passphraseOf } from './transfer-identity.ts';

/**
 * Where nothing is said, the files are those of the commands keygen, trust and status.
 * @throws PassphraseError
 */
export function transferOptionsOf(
  config: TransferConfig,
  context: CommandContext,
): TransferDaemonOptions {
  const data = dataFolder(context.env);
  return {
    ...config.listen,
    ...{ dataFolder: data, folder: config.folder, maxTransfers: config.maxTransfers },
    ...{ relay: config.relay, upgrade: config.upgrade, stun: config.stun },
    ...{ backend: config.backend, interface: config.interface, queues: config.queues },
    identityPath: config.identityFile ?? identityPath(data),
    passphrase: passphraseOf({}, context),
    trustedPeersFile: config.trustedPeersFile ?? knownPeersPath(data),
    controlSocket: config.controlSocket ?? controlSocketPath(data),
  };
}
