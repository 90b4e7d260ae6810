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
  /** Taken into ownership here: most servers hold secrets that nobody else has ever known. */
  readonly owned: boolean;
  /** A change of ownership was begun, and too few servers have told how it ended. */
  readonly unsettled: boolean;
  /** Servers that have not told whether they hold the old or the new secret. */
  readonly openServers: number;
  /** The same coin is here with other secrets too; the servers know which are right. */
  readonly twofold: boolean;
}

export interface TotalView {
  readonly count: number;
  /** Units of 1e-8. */
  readonly units: bigint;
}

/** Each coin once, also where it is here twofold. `authentic` includes `fracked`. */
export type TotalsView = Readonly<Record<Grade, TotalView>>;

export interface NetworkView {
  /** Empty when the description could not be fetched; `fault` then says why. */
  readonly serverIds: readonly number[];
  readonly demo: boolean;
  readonly fault?: string;
}

export interface WalletView {
  readonly coins: readonly CoinView[];
  readonly totals: TotalsView;
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
  /** Coins of the file that were here already with the same secrets. */
  readonly knownCount: number;
  /** Of the added ones, those that were here with other secrets. */
  readonly twofoldCount: number;
}

/**
 * First `started`, then `answer`s as they come in, in as many messages as it takes; a server may
 * answer for a coin again, and the later light counts.
 */
export type TaskProgress =
  | {
      readonly stage: 'started';
      readonly ids: readonly number[];
      readonly serverIds: readonly number[];
    }
  | {
      readonly stage: 'answer';
      readonly raidaId: number;
      readonly ids: readonly number[];
      /** One Light character for each id. */
      readonly lights: string;
    };

export interface FileView {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Coins by id. */
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
  /** Echo to each server, as progress; also looks for a network that was missing before. */
  servers: { params: null; result: NetworkView; progress: ServerView };
  detect: { params: Selection; result: WalletView; progress: TaskProgress };
  pown: { params: Selection; result: WalletView; progress: TaskProgress };
  /** Ask with find (2/60) which secrets each server holds for every unsettled coin. */
  settle: { params: null; result: WalletView; progress: TaskProgress };
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
