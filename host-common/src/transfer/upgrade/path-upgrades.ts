/**
 * The upgrades of all sessions of an endpoint (path-upgrade.ts): whose a datagram is that no
 * session took, and how many look for probes at once.
 */
import { TransferEventKind } from '../../engine/generated/transfer.ts';
import type { RandomBytes } from '../byte-strings.ts';
import type { Datagram } from '../datagram-transport.ts';
import type { EndpointClock } from '../endpoint-clock.ts';
import type { TransferEventOf } from '../engine-transfer.ts';
import { hasHandle, placeOf } from '../far-end.ts';
import { CANDIDATES_FRAME, CANDIDATES_MAX, type Candidate, parseCandidates } from './candidates.ts';
import { PathUpgrade, type UpgradeLink } from './path-upgrade.ts';
import { hasProbeLength } from './probe.ts';
import {
  NO_UPGRADE,
  type Refused,
  UPGRADE_CODES,
  type Upgrade,
  type UpgradeCode,
} from './upgrade-state.ts';

/** What an application says of direct ways. */
export interface UpgradeOptions {
  /**
   * Own addresses at which peers may reach this endpoint, with ports; asked before each attempt.
   * The first CANDIDATES_MAX count. A rejection is as none, and told as what an event throws.
   */
  gather(): Promise<readonly Candidate[]>;
  /** Nobody waits for gather() any more. */
  close?(): void;
}

/** Datagrams a second that are tried with keys of probes; others are no probes. */
const TRIALS_PER_SECOND = 2000;

/** What is the endpoint's. */
export interface UpgradesHost {
  clock: EndpointClock;
  random: RandomBytes;
  stealth: boolean;
  options: UpgradeOptions | undefined;
  send(datagram: Datagram): void;
}

export type UpgradeSession = Omit<UpgradeLink, keyof UpgradesHost | 'gather' | 'send'>;

export class PathUpgrades {
  /** Datagrams that were tried with keys, and those beyond what is tried in a second. */
  readonly counts = { tried: 0, limited: 0 };
  /** Attempts of all sessions, those that became direct, and the others by why they did not. */
  readonly ended: Record<'begun' | 'direct' | UpgradeCode, number> = {
    ...{ begun: 0, direct: 0 },
    ...(Object.fromEntries(UPGRADE_CODES.map((code) => [code, 0])) as Record<UpgradeCode, number>),
  };
  readonly refused: Refused = { questions: 0, probes: 0, addresses: 0 };
  private readonly host: UpgradesHost;
  private readonly upgrades = new Map<number, PathUpgrade>();
  private trials = TRIALS_PER_SECOND;
  private trialsUs = 0;

  constructor(host: UpgradesHost) {
    this.host = host;
  }

  /** A session has begun at a far end: one through a relay is looked after. */
  open(handle: number, session: UpgradeSession): void {
    const { options } = this.host;
    if (!options || !hasHandle(session.relayed)) return;
    const { clock, random, stealth } = this.host;
    const link: UpgradeLink = {
      ...session,
      ...{ clock, random, stealth, gather: () => gathered(options) },
      send: (datagram) => this.host.send(datagram),
      changed: (upgrade) => {
        this.count(before, upgrade);
        before = upgrade;
        session.changed(upgrade);
      },
    };
    let before = NO_UPGRADE;
    this.upgrades.set(handle, new PathUpgrade(link));
  }

  /** True: the event was of an upgrade alone, whether there is one or not. */
  take(event: TransferEventOf): boolean {
    const { kind, session, code, path } = event;
    const upgrade = this.upgrades.get(session);
    if (kind === TransferEventKind.EXTENSION && code === CANDIDATES_FRAME) {
      upgrade?.take(event.bytes && parseCandidates(event.bytes));
      return true;
    }
    if (!upgrade) return false;
    if (kind === TransferEventKind.CONFIRMED) upgrade.begin();
    else if (kind === TransferEventKind.MIGRATED) upgrade.migrated(placeOf(path));
    else if (kind === TransferEventKind.PATH_FAILED) upgrade.failed(placeOf(path));
    else if (kind === TransferEventKind.CLOSED) upgrade.end();
    else if (kind === TransferEventKind.SESSION_GONE) {
      upgrade.end();
      this.upgrades.delete(session);
    }
    return false;
  }

  /** Was a datagram that no session took a probe? */
  receive(datagram: Datagram): boolean {
    if (!hasProbeLength(datagram.bytes)) return false;
    for (const upgrade of this.upgrades.values()) {
      if (!upgrade.isProbing) continue;
      if (!this.mayTry()) return false;
      if (upgrade.receive(datagram).kind !== 'nothing') return true;
    }
    return false;
  }

  /** This machine is reached otherwise than before. */
  renew(): void {
    for (const upgrade of this.upgrades.values()) upgrade.renew();
  }

  /** Nobody is to wait for anything any more. */
  close(): void {
    for (const upgrade of this.upgrades.values()) upgrade.end();
    this.host.options?.close?.();
  }

  private count(before: Upgrade, now: Upgrade): void {
    for (const what of ['questions', 'probes', 'addresses'] as const) {
      this.refused[what] += now.refused[what] - before.refused[what];
    }
    if (now.state === before.state) return;
    if (now.state === 'trying') this.ended.begun++;
    else if (now.state === 'direct') this.ended.direct++;
    else if (now.why) this.ended[now.why.code]++;
  }

  private mayTry(): boolean {
    const { us } = this.host.clock.now();
    if (us - this.trialsUs >= 1_000_000) {
      this.trialsUs = us;
      this.trials = TRIALS_PER_SECOND;
    }
    if (this.trials === 0) {
      this.counts.limited++;
      return false;
    }
    this.trials--;
    this.counts.tried++;
    return true;
  }
}

async function gathered(options: UpgradeOptions): Promise<readonly Candidate[]> {
  try {
    return (await options.gather()).slice(0, CANDIDATES_MAX);
  } catch {
    return [];
  }
}
