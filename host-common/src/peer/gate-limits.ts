/** How much the gate lets through: what the host says, within the bounds of the engine. */

/** What a peer may send in 10 s, 1 to 1,000,000 each; three times as much is a ban of 300 s. */
export interface GateLimits {
  /** Requests [100], handshakes of verified peers among them. */
  requests?: number;
  /** Broadcasts of its own [100]; of others it passes on so many for each of the target peers. */
  broadcasts?: number;
}

const DEFAULT = 100;
const LIMIT_MAX = 1_000_000;
const TARGET = 25;
const TARGET_MAX = 256;

/** All of them. Throws RangeError for one out of bounds. */
export function gateLimits(options: {
  targetPeers?: number;
  limits?: GateLimits | undefined;
}): Required<GateLimits> & { targetPeers: number } {
  const { targetPeers = TARGET, limits = {} } = options;
  const { requests = DEFAULT, broadcasts = DEFAULT } = limits;
  check('target peers', targetPeers, TARGET_MAX);
  check('requests in 10 s', requests, LIMIT_MAX);
  check('broadcasts in 10 s', broadcasts, LIMIT_MAX);
  return { targetPeers, requests, broadcasts };
}

function check(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new RangeError(`peer gate: wanted 1 to ${most} ${what}`);
}
