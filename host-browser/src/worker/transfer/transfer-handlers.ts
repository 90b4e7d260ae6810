/** Methods of the panel for files; wallet-desk.ts has the others. */
import type { Handlers } from '../message-server.ts';
import type { NetworkView } from '../views.ts';
import type { TransferDesk } from './transfer-desk.ts';

/** @param network as it is now; throws where the wallet is locked: then nothing begins */
export function transferHandlers(desk: TransferDesk, network: () => NetworkView) {
  return {
    transferWatch: async (_, context) => desk.watch(context),
    transferSend: async ({ file, relay }) => desk.send(file, relay, network()),
    transferFetch: async ({ code }) => desk.fetch(code, network()),
    transferDecide: async ({ accept }) => desk.decide(accept),
    transferPause: async ({ side, pause }) => desk.pause(side, pause),
    transferEnd: async ({ side }) => desk.end(side),
    transferKept: async ({ key }) => desk.kept(key),
    transferForget: async ({ key }) => desk.forget(key),
  } satisfies Partial<Handlers>;
}
