import type { WalletOperationOptions } from '@andvari/host-common/raida/wallet';
import type { WalletStage } from '@andvari/host-common/raida/wallet-stage';
import type { CommandContext } from './command-context.ts';

const NAMES: Readonly<Record<WalletStage['stage'], string>> = {
  settle: 'asked which secrets they hold',
  tickets: 'asked for tickets',
  fix: 'asked to take the tickets for proof',
  detect: 'asked whether the coins are authentic',
  put: 'sent the coins to the locker',
  peek: 'asked what is in the locker',
  take: 'sent the new secrets',
  reserve: 'asked for serial numbers',
  exchange: 'sent the change',
};

/**
 * Options for an operation of the wallet that tells its stages: one line each when it has ended on
 * stderr, or two events (begin, end) on stdout with --json.
 */
export function withStages(json: boolean, context: CommandContext): WalletOperationOptions {
  return {
    signal: context.signal,
    onStage: ({ operation, stage, done, total, coins }) => {
      if (done !== 0 && done !== total) return;
      if (json) context.event({ event: 'stage', operation, stage, done, total, coins });
      else if (done === total) {
        const about = coins === 0 ? '' : coins === 1 ? ', 1 coin' : `, ${coins} coins`;
        context.note(`${operation}: ${NAMES[stage]}: ${total} servers${about}`);
      }
    },
  };
}
