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
  | 'ANDVARI_WALLET_CLOSED';

/** What a wallet refuses. Messages name coins, never keys. */
export class WalletError extends Error {
  override readonly name = 'WalletError';
  readonly code: WalletErrorCode;

  constructor(code: WalletErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
