export type WalletErrorCode =
  /** Another operation works on one of the coins. */
  | 'ANDVARI_WALLET_BUSY'
  /** The wallet holds as many coins as it can. */
  | 'ANDVARI_WALLET_FULL'
  /** No such coin in the wallet. */
  | 'ANDVARI_WALLET_COIN'
  /** The store gave something that is no wallet. */
  | 'ANDVARI_WALLET_STATE'
  /** The store could not save; `cause` says why. */
  | 'ANDVARI_WALLET_STORE'
  | 'ANDVARI_WALLET_CLOSED'
  /** The coin is not in a state for this; the message says what to do first. */
  | 'ANDVARI_WALLET_UNFIT'
  /** The coins do not make up that amount: break one first. */
  | 'ANDVARI_WALLET_AMOUNT'
  /** A locker code that no wallet has made: mistyped. */
  | 'ANDVARI_WALLET_CODE'
  /** Fewer than 13 servers know the locker. */
  | 'ANDVARI_WALLET_LOCKER'
  /** The servers have no serial numbers free for change that they agree on. */
  | 'ANDVARI_WALLET_CHANGE';

/** What a wallet refuses. Messages name coins, never keys. */
export class WalletError extends Error {
  override readonly name = 'WalletError';
  readonly code: WalletErrorCode;

  constructor(code: WalletErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
