/** All commands, in the order of the help, each loaded when it is called: some stand on a lot. */
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

type Register = (program: Command, context: CommandContext) => void;

const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  serve: async () => (await import('./serve.ts')).registerServeCommand,
  config: async () => (await import('./config.ts')).registerConfigCommands,
  network: async () => (await import('./network.ts')).registerNetworkCommands,
  coins: async () => (await import('./coins.ts')).registerCoinsCommands,
  wallet: async () => (await import('./wallet.ts')).registerWalletCommands,
  admin: async () => (await import('./admin.ts')).registerAdminCommands,
  ratatoskr: async () => (await import('./ratatoskr.ts')).registerRatatoskrCommands,
  keygen: async () => (await import('./transfer-keygen.ts')).registerKeygenCommand,
  trust: async () => (await import('./transfer-trust.ts')).registerTrustCommands,
  ping: async () => (await import('./transfer-ping.ts')).registerPingCommand,
  send: async () => (await import('./transfer-send.ts')).registerSendCommand,
  receive: async () => (await import('./transfer-receive.ts')).registerReceiveCommand,
  relay: async () => (await import('./transfer-relay.ts')).registerRelayCommand,
  announce: async () => (await import('./discovery-announce.ts')).registerAnnounceCommand,
  search: async () => (await import('./discovery-search.ts')).registerSearchCommand,
  get: async () => (await import('./discovery-get.ts')).registerGetCommand,
  dht: async () => (await import('./discovery-node.ts')).registerDhtCommand,
  nat: async () => (await import('./nat.ts')).registerNatCommand,
  status: async () => (await import('./transfer-status.ts')).registerStatusCommand,
  peers: async () => (await import('./peers.ts')).registerPeersCommands,
  conformance: async () => (await import('./conformance.ts')).registerConformanceCommand,
};

/**
 * What registers the commands that this command line needs: the one that it calls, or all of them,
 * where it asks for help, for a completion, or for one that there is not.
 */
export async function commandsOf(words: readonly string[]): Promise<Register[]> {
  const [name = ''] = words;
  if (name === '--version') return [];
  const called = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (called) return [await called()];
  const { registerCompletionCommand } = await import('./completion.ts');
  const all = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  return [...all, registerCompletionCommand];
}
