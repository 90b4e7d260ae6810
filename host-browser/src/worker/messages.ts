/**
 * What page and worker say to each other, and nothing else crosses: the page holds no key and no
 * authentication number. It sees views of coins, bytes only in files a user drops or saves (those
 * that he sends or receives go as the handle that the browser has of them), and a
 * locker's code only where the user types it or asks to see it.
 *
 *   page -> worker   request { id, method, params }, cancel { id }
 *   worker -> page   progress { id, progress }*, then one result { id, value } or failure
 *                    { id, code, message }; ready once, when the worker can take requests
 */

import type { PeerMethods } from './peer/peer-messages.ts';
import type { RatatoskrMethods } from './ratatoskr-messages.ts';
import type { TransferMethods } from './transfer/transfer-messages.ts';
import type {
  AddedView,
  ContentsView,
  FileView,
  LockerSource,
  NetworkView,
  PassedOnView,
  Selection,
  SentView,
  ServerView,
  TakenView,
  TaskProgress,
  WalletView,
} from './views.ts';

/** Every method of the worker: what goes in, what comes out, what comes between. */
export interface WalletMethods extends RatatoskrMethods, TransferMethods, PeerMethods {
  /** Is there a wallet on this origin? Asks no passphrase and takes no lock. */
  exists: { params: null; result: boolean; progress: never };
  create: { params: { readonly passphrase: string }; result: WalletView; progress: never };
  unlock: { params: { readonly passphrase: string }; result: WalletView; progress: never };
  /** Finish what is being saved, let go of key, connections and tab lock. */
  lock: { params: null; result: null; progress: never };
  add: { params: FileView; result: AddedView; progress: never };
  demo: { params: null; result: AddedView; progress: never };
  /** Echo to each server, as progress; also looks for a network that was missing before. */
  servers: { params: null; result: NetworkView; progress: ServerView };
  detect: { params: Selection; result: WalletView; progress: TaskProgress };
  pown: { params: Selection; result: WalletView; progress: TaskProgress };
  /** Ask with find (2/60) which secrets each server holds for every unsettled coin. */
  settle: { params: null; result: WalletView; progress: TaskProgress };
  /** Make coins known again to the servers that deny them. */
  heal: { params: Selection; result: WalletView; progress: TaskProgress };
  /** Coins of exactly this value in units of 1e-8. */
  choose: { params: { readonly units: bigint }; result: Selection; progress: never };
  /** Put coins into a new locker. */
  send: { params: Selection; result: SentView; progress: TaskProgress };
  lockerCode: { params: { readonly lockerId: number }; result: string; progress: never };
  /** Ask the servers what has become of every locker of this wallet. */
  checkLockers: { params: null; result: WalletView; progress: never };
  /** Forget a locker whose code somebody else has now; asks the servers first. */
  passOn: { params: { readonly lockerId: number }; result: PassedOnView; progress: never };
  /** What is in a locker; changes nothing. */
  peek: { params: { readonly code: string }; result: ContentsView; progress: TaskProgress };
  take: { params: LockerSource; result: TakenView; progress: TaskProgress };
  /** The user does not want to go on with what was cut off. */
  dropUnfinished: { params: null; result: WalletView; progress: never };
  /** One file, or more where a coin is here twofold: a file holds each coin once. */
  save: { params: Selection; result: readonly FileView[]; progress: never };
  remove: { params: Selection; result: WalletView; progress: never };
}

export type Method = keyof WalletMethods;
export type Params<M extends Method> = WalletMethods[M]['params'];
export type Result<M extends Method> = WalletMethods[M]['result'];
export type Progress<M extends Method> = WalletMethods[M]['progress'];

export type ToWorker =
  | { readonly kind: 'request'; readonly id: number; readonly method: Method; params: unknown }
  | { readonly kind: 'cancel'; readonly id: number };

export type ToPage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'failure';
      readonly id: number;
      readonly code: string;
      readonly message: string;
    };

/** A request failed in the worker. `message` is one sentence for the user. */
export class WorkerFailure extends Error {
  override readonly name = 'WorkerFailure';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The part of Worker, MessagePort and DedicatedWorkerGlobalScope that the protocol uses. */
export interface MessageEnd {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}
