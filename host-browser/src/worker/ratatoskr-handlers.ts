/** Methods of the Ratatoskr panel; wallet-desk.ts has the others. */

import type { Handlers } from './message-server.ts';
import { type Purse, payAgain, payWithCoins, takeBack } from './ratatoskr-payment.ts';

export function ratatoskrHandlers(purse: Purse) {
  return {
    ratatoskrWatch: async (_, context) => purse.ratatoskr.watch(context),
    ratatoskrConnect: async (words) =>
      purse.ratatoskr.connect(words, purse.view().network.reachable),
    ratatoskrDisconnect: async () => purse.ratatoskr.disconnect(),
    ratatoskrRetry: async () => purse.ratatoskr.retry(),
    ratatoskrRegister: async ({ user }) => purse.ratatoskr.register(user),
    ratatoskrMarket: async (words, { signal }) => purse.ratatoskr.market(words, signal),
    ratatoskrPay: async ({ ids }, context) => payWithCoins(purse, ids, context),
    ratatoskrPayAgain: async (_, context) => payAgain(purse, context),
    ratatoskrTakeBack: async (_, context) => takeBack(purse, context),
    ratatoskrForgetPayment: async () => purse.ratatoskr.forgetPayment(),
  } satisfies Partial<Handlers>;
}
