/** What page and worker say to each other about Ratatoskr (messages.ts has the rest). */

import type { QueueView } from '@andvari/host-common/ratatoskr/client/call-queue';
import type { TransportName } from '@andvari/host-common/ratatoskr/client/client-channel';
import type { ClientState } from '@andvari/host-common/ratatoskr/client/client-status';
import type { Selection, TaskProgress, WalletView } from './views.ts';

/** Where to connect, as the user typed it; the page's server may offer all of it. */
export interface EndpointWords {
  /** wss:, or ws: on this machine. */
  readonly url: string;
  /** https:, or empty. */
  readonly webTransportUrl: string;
  /** 64 hex digits, or empty: the answers are then not checked. */
  readonly serverKey: string;
  /** Groups of 64 hex digits, or empty. */
  readonly certificateHashes: string;
  /** For whom this device speaks. */
  readonly user: string;
}

export interface ConnectWords extends EndpointWords {
  /** The certificate is as the page's server has offered it: it may be asked for the next one. */
  readonly hashesOffered: boolean;
}

export interface DeviceView {
  readonly id: string;
  /** 64 hex digits. */
  readonly publicKey: string;
  /** No script can read the secret half. */
  readonly locked: boolean;
}

/** The payment that was begun last. */
export interface PaymentView {
  readonly requestId: string;
  /** Decimal, CloudCoins. */
  readonly amount: string;
  /**
   * `unsent`: coins may be in its locker, and nobody else knows of it. `asked`: the service may
   * have it. `refund`: it was refused, and coins that the service had got are in a locker for this
   * wallet. The others: how it ended; `refund-empty`: nothing was in that locker any more.
   */
  readonly stage: 'unsent' | 'asked' | 'paid' | 'refused' | RefundStage;
  /** The service's number of the payment, or its reason. */
  readonly words: string;
  /** In `refund` alone: should this wallet be unable to take the coins, another one can. */
  readonly refundCode?: string;
}

export type RefundStage = 'refund' | 'refunded' | 'refund-empty';

export interface RatatoskrView {
  readonly device: DeviceView;
  readonly state: ClientState;
  /** False: there is a session, and its server does not answer. */
  readonly answering: boolean;
  readonly transport?: TransportName;
  /** Milliseconds since the epoch. */
  readonly sessionEndMs?: number;
  /** The server has proved that it has its key. */
  readonly signed: boolean;
  readonly roundTripMs?: number;
  readonly heartbeatAgoMs?: number;
  readonly failures: number;
  /** So many that the user should know; it is tried on all the same. */
  readonly unreachable: boolean;
  readonly retryInMs?: number;
  /** Why there is no connection. */
  readonly fault?: string;
  /** The server does not know this device. */
  readonly unknownDevice: boolean;
  readonly queue: QueueView;
  readonly payment?: PaymentView;
}

/** A request to the marketplace. */
export type MarketWords =
  | { readonly action: 'list' }
  | { readonly action: 'offer'; readonly title: string; readonly price: string }
  | { readonly action: 'take'; readonly offerId: string };

export interface OfferView {
  readonly id: string;
  readonly title: string;
  readonly price: string;
  readonly provider: string;
  readonly taken: boolean;
}

/**
 * How a payment ended; one that did not begin has left the coins where they were. `open`: nobody
 * knows yet; `unsent`: it can be gone on with, or taken back. RefundStage as in PaymentView.
 */
export interface PaidView {
  readonly wallet: WalletView;
  readonly outcome:
    | 'paid'
    | 'refused'
    | 'open'
    | 'unsent'
    | 'not-begun'
    | 'taken-back'
    | RefundStage;
  /** Decimal, CloudCoins; what was asked for. */
  readonly amount: string;
  /** The service's number of the payment, or why there is none. */
  readonly words: string;
  /** Why the coins of `refund` are not here yet. */
  readonly fault?: string;
}

export interface RatatoskrMethods {
  /** Tells of every change, first of how things are, until it is cancelled. */
  ratatoskrWatch: { params: null; result: null; progress: RatatoskrView };
  /** Resolves with the first session, or rejects when the server refuses. */
  ratatoskrConnect: { params: ConnectWords; result: null; progress: never };
  ratatoskrDisconnect: { params: null; result: null; progress: never };
  /** Does not wait for the next try. */
  ratatoskrRetry: { params: null; result: null; progress: never };
  /** In a demo network alone: the server knows this device then. */
  ratatoskrRegister: { params: { readonly user: string }; result: null; progress: never };
  ratatoskrMarket: { params: MarketWords; result: readonly OfferView[]; progress: never };
  /** Puts the coins into a locker and pays with it. */
  ratatoskrPay: { params: Selection; result: PaidView; progress: TaskProgress };
  /** Goes on with a payment that has not ended, or asks about it again: it is made once. */
  ratatoskrPayAgain: { params: null; result: PaidView; progress: TaskProgress };
  /** Ends a payment that the service was not asked for yet, or takes its refund. */
  ratatoskrTakeBack: { params: null; result: PaidView; progress: TaskProgress };
  /** The coins, if they are still in the locker, are taken back there. */
  ratatoskrForgetPayment: { params: null; result: null; progress: never };
}
