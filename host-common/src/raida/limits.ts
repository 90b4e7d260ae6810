/** Every maximum of the RAIDA client and wallet, each with its reason. */

/** Coins of one wallet: 20,000 entries of about 1 KiB stay under 20 MiB in a browser tab. */
export const WALLET_ENTRIES_MAX = 20_000;
/** Coins that one ownership change saves and sends as a group: bounds each transaction to 1 MiB. */
export const WALLET_GROUP_COINS = 1000;
/** Body bytes of a request: the size field has 16 bits (reference: RAIDA section 1.3). */
export const REQUEST_BODY_MAX = 65535;
/** Request bytes that cross every network in one datagram, and fit the public servers' 1440. */
export const REQUEST_BYTES_DEFAULT = 1400;
/** Time that a server has to answer one request. */
export const TIMEOUT_DEFAULT_MS = 5000;
/** Failed requests in a row after which an operation leaves a silent server alone. */
export const SILENCE_MAX = 2;
/** Requests that wait for one WebSocket connection. */
export const QUEUE_REQUESTS_MAX = 256;
/** Reply that a WebSocket transport accepts: the largest that a server makes (1.125 MiB). */
export const REPLY_BYTES_MAX = 1_179_648;
/** Waiting time before a new attempt to connect: doubles from the first to the second. */
export const BACKOFF_MIN_MS = 100;
export const BACKOFF_MAX_MS = 5000;
/** Coins of one coin file: what a wallet holds; the count field would allow 65535. */
export const FILE_COINS_MAX = 20_000;
/** Characters of the tag in a coin file's name: file systems allow 255 bytes for the whole name. */
export const TAG_CHARACTERS_MAX = 64;
/** Characters of a foreign name that an error message repeats. */
export const NAME_CHARACTERS_SHOWN = 80;
/** Attempts to draw an AN that is free for use: each fails with a chance below 1 in 60,000. */
export const DRAWS_MAX = 100;
/** Coins of one request: what a server takes (reference: RAIDA section 9). */
export const REQUEST_COINS_MAX = 4096;
/** Time for a fix: the server gives each of the 24 others 32 s to say what a ticket stands for. */
export const FIX_TIMEOUT_MS = 40_000;
/** Tries to heal a coin in one operation: a ticket serves once, so each try takes new ones. */
export const HEAL_ROUNDS_MAX = 3;
/** Request that takes tickets for a whole group of coins: 1000 of 21 bytes, and its frame. */
export const HEAL_REQUEST_BYTES = 24_576;
/** Random groups of a locker code: 4 x 4 + 3 symbols of 5 bits are 95 bits, the last one checks. */
export const CODE_GROUPS = 5;
/** Tries to find serial numbers that all servers have free: others may hold the pages for 16 s. */
export const CHANGE_ROUNDS_MAX = 3;
