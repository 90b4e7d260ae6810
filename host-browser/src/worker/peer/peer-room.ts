/** Methods of the peer panel. What they need, libp2p above all, is loaded at the first of them. */
import type { Vault } from '../../storage/sealed-wallet-store.ts';
import type { Handlers } from '../message-server.ts';
import type { PeerDesk } from './peer-desk.ts';

export class PeerRoom {
  readonly #vault: () => Vault;
  #desk: Promise<PeerDesk> | undefined;

  /** @param vault throws where the wallet is locked: then nothing begins */
  constructor(vault: () => Vault) {
    this.#vault = vault;
  }

  readonly handlers = {
    peerWatch: async (_, context) => (await this.#open()).watch(context),
    peerConnect: async (words) => (await this.#open()).connect(words),
    peerDisconnect: async () => (await this.#open()).disconnect(),
  } satisfies Partial<Handlers>;

  async close(): Promise<void> {
    const desk = await this.#desk?.catch(() => undefined);
    this.#desk = undefined;
    await desk?.disconnect();
  }

  /** One that could not be opened is opened anew by the next call. */
  #open(): Promise<PeerDesk> {
    const vault = this.#vault();
    this.#desk ??= import('./peer-desk.ts')
      .then(({ PeerDesk: Desk }) => Desk.open(vault))
      .catch((error) => {
        this.#desk = undefined;
        throw error;
      });
    return this.#desk;
  }
}
