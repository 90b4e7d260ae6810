/** Sending coins through lockers and taking them: dialogs and work in their order. */

import type { LockerSource } from '../worker/views.ts';
import type { AndvariCodeDialog } from './code-dialog.ts';
import type { AndvariConfirm } from './confirm.ts';
import { formatValue, piecesOf } from './format.ts';
import { passedOnSentence, passOnQuestion, sentSentence, takenSentence } from './locker-words.ts';
import type { LockerAction } from './lockers.ts';
import type { AndvariSendDialog } from './send-dialog.ts';
import type { AndvariTakeDialog } from './take-dialog.ts';
import type { WalletSession } from './wallet-session.ts';

export interface Dialogs {
  readonly confirm: AndvariConfirm;
  readonly send: AndvariSendDialog;
  readonly take: AndvariTakeDialog;
  readonly code: AndvariCodeDialog;
  /** What had the focus before the work that led to a dialog. */
  giveBackFocus(): Promise<void>;
}

export class LockerFlows {
  readonly #session: WalletSession;
  readonly #dialogs: () => Dialogs;

  constructor(session: WalletSession, dialogs: () => Dialogs) {
    this.#session = session;
    this.#dialogs = dialogs;
  }

  async send(): Promise<void> {
    const session = this.#session;
    const { client, selection } = session;
    const ids = await this.#dialogs().send.ask({
      coins: session.coinsHere(),
      selection,
      choose: async (units) => (await client.call('choose', { units })).ids,
    });
    if (ids === undefined) return;
    let lockerId: number | undefined;
    await session.runTask(
      'send',
      (options) => client.call('send', { ids }, options),
      ({ result, stopped }) => {
        if (result.lockedCount > 0) lockerId = result.lockerId;
        return sentSentence(result, stopped);
      },
    );
    if (lockerId !== undefined) await this.#showCode(lockerId);
  }

  async take(): Promise<void> {
    const { client } = this.#session;
    const code = await this.#dialogs().take.ask((typed, { signal, onProgress }) =>
      client.call('peek', { code: typed }, { signal, onProgress }),
    );
    if (code !== undefined) await this.takeFrom({ from: 'code', code });
  }

  async takeFrom(source: LockerSource): Promise<void> {
    const { client } = this.#session;
    await this.#session.runTask(
      'take',
      (options) => client.call('take', source, options),
      ({ result }) => takenSentence(result),
    );
  }

  async act({ action, lockerId }: LockerAction): Promise<void> {
    if (action === 'show') return this.#showCode(lockerId);
    if (action === 'take') return this.takeFrom({ from: 'locker', lockerId });
    return this.#passOn(lockerId);
  }

  async check(): Promise<void> {
    const session = this.#session;
    await session.work(async () => {
      session.show(await session.client.call('checkLockers', null));
    });
  }

  async #showCode(lockerId: number): Promise<void> {
    const { wallet, client } = this.#session;
    const locker = wallet.lockers.find(({ id }) => id === lockerId);
    if (locker === undefined) return;
    let code = '';
    await this.#session.work(async () => {
      code = await client.call('lockerCode', { lockerId });
    });
    if (code === '') return;
    const coins = wallet.coins.filter(({ id }) => locker.ids.includes(id));
    const value = formatValue(locker.units);
    const passed = await this.#dialogs().code.show({ code, pieces: piecesOf(coins), value });
    if (passed) await this.#passOn(lockerId);
    await this.#dialogs().giveBackFocus();
  }

  async #passOn(lockerId: number): Promise<void> {
    const session = this.#session;
    const locker = session.wallet.lockers.find(({ id }) => id === lockerId);
    if (locker === undefined) return;
    const yes = await this.#dialogs().confirm.ask(passOnQuestion(locker));
    if (!yes) return;
    await session.work(async () => {
      const result = await session.client.call('passOn', { lockerId });
      session.show(result.wallet);
      session.say(passedOnSentence(result));
    });
  }
}
