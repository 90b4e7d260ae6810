import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { registerKeygenCommand } from './transfer-keygen.ts';
import { registerPingCommand } from './transfer-ping.ts';
import { registerReceiveCommand } from './transfer-receive.ts';
import { registerRelayCommand } from './transfer-relay.ts';
import { registerSendCommand } from './transfer-send.ts';
import { registerStatusCommand } from './transfer-status.ts';
import { registerTrustCommands } from './transfer-trust.ts';

/** The commands of the node that sends and receives files. */
export function registerTransferCommands(program: Command, context: CommandContext): void {
  registerKeygenCommand(program, context);
  registerTrustCommands(program, context);
  registerPingCommand(program, context);
  registerSendCommand(program, context);
  registerReceiveCommand(program, context);
  registerRelayCommand(program, context);
  registerStatusCommand(program, context);
}
