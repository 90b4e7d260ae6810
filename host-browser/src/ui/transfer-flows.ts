/** The work of the panel for files: what it shows, and what follows from its buttons. */
import type { Side, TransferView } from '../worker/transfer/transfer-messages.ts';
import type { Question } from './confirm.ts';
import { saveBlob } from './download.ts';
import type { TransferAction, TransferState } from './transfer-state.ts';
import { forgetQuestion } from './transfer-words.ts';
import { sentenceOf, type WalletSession } from './wallet-session.ts';

export interface TransferPage {
  /** There is something new to draw. */
  changed(): void;
  ask(question: Question): Promise<boolean>;
}

const NO_WORDS = { send: '', receive: '' };

export class TransferFlows {
  readonly #session: WalletSession;
  readonly #page: TransferPage;
  readonly #leaving = new AbortController();
  #view: TransferView | undefined;
  #words: TransferState['words'] = NO_WORDS;

  constructor(session: WalletSession, page: TransferPage) {
    this.#session = session;
    this.#page = page;
    void this.#watch();
  }

  state(): TransferState {
    const { relay } = this.#session.wallet.network;
    return { view: this.#view, relay, words: this.#words };
  }

  /** Leaving the page would end it for somebody. */
  get isMoving(): boolean {
    const { send, receive } = this.#view ?? {};
    return send?.stage === 'sending' || receive?.stage === 'receiving';
  }

  /** The page lets go of the wallet. */
  leave(): void {
    this.#leaving.abort();
  }

  async act(action: TransferAction): Promise<void> {
    const side = sideOf(action);
    this.#say(side, '');
    try {
      await this.#do(action);
    } catch (error) {
      this.#say(side, sentenceOf(error));
    }
  }

  async #do(action: TransferAction): Promise<unknown> {
    const { client } = this.#session;
    switch (action.act) {
      case 'send':
        return client.call('transferSend', { file: action.file, relay: action.relay });
      case 'fetch':
        return client.call('transferFetch', { code: action.code });
      case 'decide':
        return client.call('transferDecide', { accept: action.accept });
      case 'pause':
        return client.call('transferPause', { side: action.side, pause: action.pause });
      case 'end':
        return client.call('transferEnd', { side: action.side });
      case 'save':
        return saveBlob(action.name, await client.call('transferKept', { key: action.key }));
      case 'forget':
        if (!(await this.#page.ask(forgetQuestion(action.name)))) return;
        return client.call('transferForget', { key: action.key });
    }
  }

  #say(side: Side, text: string): void {
    this.#words = { ...this.#words, [side]: text };
    this.#page.changed();
  }

  async #watch(): Promise<void> {
    try {
      await this.#session.client.call('transferWatch', null, {
        signal: this.#leaving.signal,
        onProgress: (view) => {
          this.#view = view;
          this.#page.changed();
        },
      });
    } catch {
      // The worker has ended, and the page with it.
    }
  }
}

function sideOf(action: TransferAction): Side {
  if (action.act === 'pause' || action.act === 'end') return action.side;
  return action.act === 'send' ? 'send' : 'receive';
}
