/** Every maximum of a relay, with its reason. */

export { RELAY_FRAME_BYTES_MAX } from '@andvari/host-common/transfer/relay/frames';

/** Clients at once where the operator does not say. Each may hold QUEUED_BYTES_MAX, a frame. */
export const CLIENTS_DEFAULT = 1024;
/** Of one IPv4 address or IPv6 /64: a household or office. From this machine come proxies. */
export const CLIENTS_PER_NETWORK_MAX = 64;
/** Bytes a second that a client may send where the operator does not say, with frames' heads. */
export const BYTES_PER_SECOND_DEFAULT = 1_000_000;
/** Part of a second's bytes that may come at once: what a sender has under way over a long path. */
export const BURST_S = 0.25;
/** The least burst, so that the longest frame fits whatever the rate. */
export const BURST_BYTES_MIN = 128 * 1024;
/** What a frame costs of its client's bytes besides its own: the work that an empty one makes. */
export const FRAME_COST_BYTES = 64;
/** Bytes that may wait for a slow receiver: a quarter of a second at the default rate. */
export const QUEUED_BYTES_MAX = 256 * 1024;
/** Peers of a client that are told when it leaves; the first ones are forgotten. */
export const REACHED_MAX = 64;

/** Time to subscribe: clients need two round trips. */
export const STRANGER_TIMEOUT_MS = 10_000;
/**
 * Silence after which a client is gone. Clients say something every 15 s, pages in the background
 * once a minute.
 */
export const IDLE_TIMEOUT_MS = 90_000;
/** How often these are looked at; nobody's deadline is finer. */
export const SWEEP_MS = 1_000;
/** Pieces in which the bytes of a frame may come: the longest has 45 packets of Ethernet. */
export const PIECES_MAX = 256;
/** Frames up to it leave with others of the same turn: all that a session's packets are in. */
export const GATHERED_BYTES_MAX = 16 * 1024;
