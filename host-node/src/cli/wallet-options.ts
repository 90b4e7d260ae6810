import type { CoinKeys } from '@andvari/host-common/raida/coin';
import type { CommandContext } from './command-context.ts';
import { connect, readNetwork, type WalletConnection } from './wallet-connection.ts';
import { readEncryptionCoin } from './wallet-input.ts';

/** Options that all wallet commands share. */
export interface WalletCommandOptions {
  network: string;
  timeout: number;
  encryptWith?: string;
  json?: boolean;
}

export interface OpenConnection extends WalletConnection {
  encryptionCoin: CoinKeys | undefined;
}

/** The client that the options ask for. Throws NetworkSourceError, NetworkError, InputError. */
export async function openConnection(
  options: WalletCommandOptions,
  context: CommandContext,
): Promise<OpenConnection> {
  const network = await readNetwork(options.network, context.signal);
  const encryptionCoin =
    options.encryptWith === undefined
      ? undefined
      : readEncryptionCoin(options.encryptWith, network.coinId);
  const connection = await connect(network, { timeoutMs: options.timeout, encryptionCoin });
  return { ...connection, encryptionCoin };
}

/** A connection for as long as `work` takes. */
export async function withConnection(
  options: WalletCommandOptions,
  context: CommandContext,
  work: (connection: OpenConnection) => Promise<void>,
): Promise<void> {
  const connection = await openConnection(options, context);
  try {
    await work(connection);
  } finally {
    await connection.close();
  }
}
