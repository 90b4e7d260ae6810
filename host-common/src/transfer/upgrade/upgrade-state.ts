/** How far a session has come from its relay, as an application sees it. */
import type { Statistics } from '../engine-transfer.ts';
import type { Way } from '../far-end.ts';
import type { PlaceKind } from './probe-round.ts';

export type UpgradeCode =
  /** The peer has not said where it may be reached: it does not take part, or is older. */
  | 'ANDVARI_UPGRADE_NO_ANSWER'
  /** Neither side has an address that the other may try. */
  | 'ANDVARI_UPGRADE_NO_ADDRESS'
  /** No probe was answered. */
  | 'ANDVARI_UPGRADE_NO_WAY'
  /** Probes were answered, but not the session's own challenge. */
  | 'ANDVARI_UPGRADE_PATH_FAILED'
  /** The direct way was there, and went silent. */
  | 'ANDVARI_UPGRADE_PATH_DIED';

/** Why a session is not on a direct way. */
export interface UpgradeReason {
  code: UpgradeCode;
  message: string;
}

export interface Refused {
  /** Frames that are none, of an old round, in the wrong part, or beyond what is answered. */
  questions: number;
  /** Probes that were seen before, came from elsewhere, or are beyond what is answered. */
  probes: number;
  /** Addresses that nothing is sent to. */
  addresses: number;
}

export interface Upgrade {
  /**
   * `none`: nobody tries, or not yet; `trying`; `direct`; `waiting`: for another attempt, ours or
   * the peer's; `failed`: there is none any more.
   */
  state: 'none' | 'trying' | 'direct' | 'waiting' | 'failed';
  attempts: number;
  /** Of a direct way: how its address was found, by whoever called. */
  place?: PlaceKind | undefined;
  /** Of a direct way: where the peer is (far-end.ts). */
  farEnd?: Uint8Array | undefined;
  /** From the start of the session to the last time it became direct, microseconds. */
  directAfterUs?: number | undefined;
  /** What the peer, or somebody in its name, wanted and did not get. */
  refused: Refused;
  /** Of the last attempt, or way, that has failed. */
  why?: UpgradeReason | undefined;
}

/** How a session goes; a TransferSession is one. */
export interface Route {
  readonly way: Way;
  readonly upgrade: Upgrade;
  /** Undefined: it is over. */
  statistics(): Statistics | undefined;
}

export const NO_UPGRADE: Upgrade = {
  state: 'none',
  attempts: 0,
  refused: { questions: 0, probes: 0, addresses: 0 },
};

const MESSAGES: Readonly<Record<UpgradeCode, string>> = {
  ANDVARI_UPGRADE_NO_ANSWER: 'the peer does not say where it can be reached directly',
  ANDVARI_UPGRADE_NO_ADDRESS: 'neither side knows an address at which it can be reached',
  ANDVARI_UPGRADE_NO_WAY:
    'no address of the peer answers: a NAT or a firewall on the way lets nothing in',
  ANDVARI_UPGRADE_PATH_FAILED: 'a direct way was found, but does not carry packets of 1200 bytes',
  ANDVARI_UPGRADE_PATH_DIED: 'the direct way went silent',
};

export const UPGRADE_CODES = Object.keys(MESSAGES) as UpgradeCode[];

export function reasonOf(code: UpgradeCode, more = ''): UpgradeReason {
  return { code, message: `${MESSAGES[code]}${more}` };
}
