/** What the page may know of the wallet and of works: views, without a secret in them. */

import type { CoinPlace } from '@andvari/host-common/raida/wallet-entry';
import type { WalletStage } from '@andvari/host-common/raida/wallet-stage';
import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';

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
  readonly place: CoinPlace;
}

export interface TotalView {
  readonly count: number;
  /** Units of 1e-8. */
  readonly units: bigint;
}

/**
 * Each coin once, also where it is here twofold. `authentic` includes `fracked`; coins in lockers
 * are `locked` and in no grade.
 */
export type TotalsView = Readonly<Record<Grade | 'locked', TotalView>>;

/** A locker with coins that this wallet put there, or has begun to take out. */
export interface LockerView {
  /** The smallest id of its coins. */
  readonly id: number;
  readonly ids: readonly number[];
  /** Units of 1e-8. */
  readonly units: bigint;
  /** The servers have been asked since the wallet was opened; without it the counts are 0. */
  readonly checked: boolean;
  /** Coins that at least 13 servers have in the locker. */
  readonly insideCount: number;
  /** Coins that whoever had the code has taken. */
  readonly goneCount: number;
}

/** Work that a reload or a crash has cut off, and that can be gone on with. */
export type UnfinishedView =
  | { readonly kind: 'heal'; readonly ids: readonly number[] }
  | { readonly kind: 'take' };

export interface NetworkView {
  /** Empty when the description could not be fetched; `fault` then says why. */
  readonly serverIds: readonly number[];
  readonly demo: boolean;
  readonly fault?: string;
  /** The Ratatoskr endpoint that goes with it. */
  readonly ratatoskr?: RatatoskrAddress;
  /** The relay for files that goes with it. */
  readonly relay?: string;
  /** Ratatoskr endpoints and relays that the page may connect to; left out: nobody has said. */
  readonly reachable?: readonly string[];
  /** How the servers see each other; left out: they are no peers, or nobody has said. */
  readonly peers?: readonly PeerView[];
  /** Whom this page can meet as a peer itself. */
  readonly peerNetwork?: PeerNetworkView;
}

/** Peers that a page can meet, and the two names that they have in common. */
export interface PeerNetworkView {
  readonly networkName: string;
  readonly instanceId: string;
  readonly nodes: readonly PeerNodeView[];
}

export interface PeerNodeView {
  readonly raidaId: number;
  /** Multiaddr of a WebSocket, with its peer id. */
  readonly address: string;
  /** Its instance key, 64 hex digits. */
  readonly key: string;
}

/** The last status that a server told. */
export interface PeerStatusView {
  readonly version: string;
  /**
   * SHA-256 over its coins of each denomination, 64 hex digits: the same on servers that hold as
   * many of each.
   */
  readonly countRoot: string;
  /** Requests a second. */
  readonly load: number;
  /** How old this is. */
  readonly ageMs: number;
}

/** One server, as its peers see it. */
export interface PeerView {
  readonly raidaId: number;
  /** Verified peers, of so many others. */
  readonly verified: number;
  readonly others: number;
  readonly status?: PeerStatusView;
}

export interface WalletView {
  readonly coins: readonly CoinView[];
  readonly totals: TotalsView;
  readonly network: NetworkView;
  readonly lockers: readonly LockerView[];
  readonly unfinished?: UnfinishedView;
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

/** How a send ended; without `lockerId` it was stopped, or no server took a coin. */
export interface SentView {
  readonly wallet: WalletView;
  readonly lockerId?: number;
  /** Coins that at least 13 servers have in the locker. */
  readonly lockedCount: number;
  /** Coins of which too few servers have said where they are. */
  readonly pendingCount: number;
  /** Coins that too few servers took: they are in the wallet as before. */
  readonly returnedCount: number;
}

/** A coin that some server has in a locker. */
export interface LockerCoinView {
  readonly denomination: number;
  readonly serialNumber: number;
  /** Servers that have it there; from 13 on it can be taken. */
  readonly servers: number;
}

export interface ContentsView {
  readonly coins: readonly LockerCoinView[];
  readonly answeredCount: number;
  readonly serverCount: number;
}

/** How a take ended; `stopped`: before the servers had said. */
export interface TakenView {
  readonly wallet: WalletView;
  readonly stopped: boolean;
  readonly takenIds: readonly number[];
  readonly pendingCount: number;
  /** Coins that somebody else took first. */
  readonly missedCount: number;
  /** Coins that fewer than 13 servers have there. */
  readonly leftCount: number;
}

export interface PassedOnView {
  readonly wallet: WalletView;
  readonly forgottenCount: number;
  /** Coins that are in the locker on too few servers, so that nobody else could take them. */
  readonly keptCount: number;
}

/** The locker that is meant: by its code, by LockerView.id, or the one of `unfinished`. */
export type LockerSource =
  | { readonly from: 'code'; readonly code: string }
  | { readonly from: 'locker'; readonly lockerId: number }
  | { readonly from: 'unfinished' };

export type StepName = WalletStage['stage'];

/**
 * First `started`, then `answer`s as they come in, in as many messages as it takes; a server may
 * answer for a coin again, and the later light counts. Work in several steps says with `step` how
 * many servers are through with the one that is under way; a step may come again.
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
    }
  | {
      readonly stage: 'step';
      readonly step: StepName;
      readonly done: number;
      readonly total: number;
    };

export interface FileView {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Coins by id. */
export interface Selection {
  readonly ids: readonly number[];
}
