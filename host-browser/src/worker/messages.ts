/**
 * What page and worker say to each other, and nothing else crosses: the page holds no key and no
 * authentication number. It sees views of coins, and bytes only in files a user drops or saves.
 *
 *   page -> worker   request { id, method, params }, cancel { id }
 *   worker -> page   progress { id, progress }*, then one result { id, value } or failure
 *                    { id, code, message }; ready once, when the worker can take requests
 */

/** Result of one server for one coin, one character each (reference section 14): */
export const Light = {
  /** Never asked. */
  UNTRIED: '0',
  /** Asked, no answer yet. */
  PENDING: '?',
  PASS: 'A',
  /** The server refused the encryption key. */
  REFUSED: 'B',
  /** No reply in time. */
  SILENT: 'C',
  /** No connection to the server. */
  UNREACHABLE: 'D',
  /** An error status, or no valid answer. */
  ERROR: 'E',
  /** Counterfeit on this server. */
  FAIL: 'F',
} as const;
export type Light = (typeof Light)[keyof typeof Light];

export type Grade = 'untested' | 'authentic' | 'fracked' | 'limbo' | 'counterfeit';

/** One coin as the page may know it. */
export interface CoinView {
  /** Names the coin in its wallet; a coin that was stored with two sets of secrets has two. */
  readonly id: number;
  readonly denomination: number;
  readonly serialNumber: number;
  /** 25 Light characters in RAIDA order. */
  readonly lights: string;
  readonly grade: Grade;
  /** Taken into ownership here: nobody else has ever known its present secrets. */
  readonly owned: boolean;
  /** An ownership change was begun and its outcome is not known on every server. */
  readonly unsettled: boolean;
}

export interface NetworkView {
  /** Empty when the description could not be fetched; `fault` then says why. */
  readonly serverIds: readonly number[];
  readonly demo: boolean;
  readonly fault?: string;
}

export interface WalletView {
  readonly coins: readonly CoinView[];
  readonly network: NetworkView;
}

/** One server's answer to an echo; `elapsedMs` is null when none came. */
export interface ServerView {
  readonly raidaId: number;
  readonly elapsedMs: number | null;
}

export interface AddedView {
  readonly wallet: WalletView;
  readonly addedCount: number;
  /** Coins that were here already; the secrets kept are the wallet's own. */
  readonly knownCount: number;
}

/**
 * One `started`, then `answer`s as they come in: each server answers once for each coin, in as many
 * messages as it takes. A task with several rounds (pown, then find) starts anew with each.
 */
export type TaskProgress =
  | {
      readonly stage: 'started';
      readonly round: 'detect' | 'pown' | 'find';
      /** The coins of the round; `indices` below point into it. */
      readonly ids: readonly number[];
      readonly serverIds: readonly number[];
    }
  | {
      readonly stage: 'answer';
      readonly raidaId: number;
      readonly indices: readonly number[];
      /** One Light character for each index. */
      readonly lights: string;
    };

export interface FileView {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Selection {
  readonly ids: readonly number[];
}

/** Every method of the worker: what goes in, what comes out, what comes between. */
export interface WalletMethods {
  /** Is there a wallet on this origin? Asks no passphrase and takes no lock. */
  exists: { params: null; result: boolean; progress: never };
  create: { params: { readonly passphrase: string }; result: WalletView; progress: never };
  unlock: { params: { readonly passphrase: string }; result: WalletView; progress: never };
  /** Finish what is being saved, let go of key, connections and tab lock. */
  lock: { params: null; result: null; progress: never };
  add: { params: FileView; result: AddedView; progress: never };
  demo: { params: null; result: AddedView; progress: never };
  servers: { params: null; result: readonly ServerView[]; progress: ServerView };
  detect: { params: Selection; result: WalletView; progress: TaskProgress };
  pown: { params: Selection; result: WalletView; progress: TaskProgress };
  /** Ask with find (2/60) which secrets each server holds for every unsettled coin. */
  settle: { params: null; result: WalletView; progress: TaskProgress };
  save: { params: Selection; result: FileView; progress: never };
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
