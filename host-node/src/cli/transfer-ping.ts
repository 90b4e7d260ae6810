import { setTimeout as sleep } from 'node:timers/promises';
import type { Way } from '@andvari/host-common/transfer/far-end';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { TransferError } from '@andvari/host-common/transfer/transfer-error';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { type Command, InvalidArgumentError } from 'commander';
import { calledAt, callPeer, listenFor, oneLine, resolvePlace } from '../transfer/call-peer.ts';
import { type CalledPeer, calledPeer } from '../transfer/called-peer.ts';
import { newIdentity } from '../transfer/node-identity.ts';
import { openNodeEndpoint } from '../transfer/open-endpoint.ts';
import type { CommandContext } from './command-context.ts';
import { ExitCode } from './exit-code.ts';
import { parseTimeout } from './options.ts';
import {
  type IdentityOptions,
  identityFileOf,
  passphraseOf,
  withIdentity,
} from './transfer-identity.ts';
import { type RelayOptions, relayOf, upgradeOf, withRelay } from './transfer-relay-option.ts';
import { knownPeersFile } from './transfer-trust.ts';
import { tellWays } from './transfer-ways.ts';

const COUNT_MAX = 1_000_000;
const INTERVAL_S_MAX = 3600;

interface PingOptions extends IdentityOptions, RelayOptions {
  count: number;
  interval: number;
  timeout: number;
  json?: boolean;
}

/** `andvari ping`. */
export function registerPingCommand(program: Command, context: CommandContext): void {
  withRelay(withIdentity(program.command('ping <peer>')))
    .summary('measure the way to a peer, and whether it lets this node in')
    .description(
      'Open a session with PEER@HOST:PORT (the peer ID, or the name that andvari trust gave it; ' +
        '[HOST] for IPv6; with --relay PEER alone, who waits there) and tell how long ' +
        'an answer takes. Ctrl-C ends it with the summary.',
    )
    .option('-c, --count <n>', 'so many pings', parseCount, 4)
    .option('-i, --interval <seconds>', 'from one ping to the next', parseInterval, 1)
    .option('--timeout <ms>', 'time for the session, and for each answer', parseTimeout, 10_000)
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 any answer came, 1 wrong use or input, 2 nobody answered, 4 the identity ' +
        'cannot be used.',
    )
    .action((peer: string, options: PingOptions) => ping(peer, options, context));
}

async function ping(text: string, options: PingOptions, context: CommandContext): Promise<void> {
  const relay = relayOf(options);
  const called = calledPeer(text, knownPeersFile(context), relay !== undefined);
  const passphrase = passphraseOf(options, context);
  const { signal } = context;
  const place = called.address && (await resolvePlace(called.address, signal));
  const identityFile = identityFileOf(options, context);
  const listen = listenFor(place);
  const sizes = { sessions: 1 };
  const own = {
    identityFile,
    passphrase,
    listen,
    sizes,
    relayAs: newIdentity(),
    relay: place ? undefined : relayOf(options, called.relay),
    upgrade: place ? undefined : upgradeOf(options),
  };
  const { endpoint, relay: meeting } = await openNodeEndpoint(own);
  try {
    const { peerId } = called;
    const at = calledAt({ peerId, place, relay: meeting });
    const call = { peerId, at, timeoutMs: options.timeout, signal };
    const session = await callPeer(endpoint, call);
    // Pings may be further apart than a session lives without a packet.
    session.keepalive(true);
    tellConnected(called, { address: at.text, way: session.way }, options, context);
    const pings = new Pings(session, options, context);
    const told = tellWays(session, options, context);
    await pings.run().finally(() => told.stop());
    pings.tellSummary();
    if (pings.answered === 0) context.exitCode = ExitCode.NETWORK;
  } finally {
    await endpoint.close();
  }
}

function tellConnected(
  { peerId, name }: CalledPeer,
  at: { address: string; way: Way },
  { json }: PingOptions,
  context: CommandContext,
): void {
  const peer = peerIdText(peerId);
  if (json) context.event({ event: 'connected', peer, name, ...at });
  else context.note(`${name ?? peer} at ${at.address}: connected`);
}

/** One ping after the other, and what has come of them. */
class Pings {
  readonly #session: TransferSession;
  readonly #options: PingOptions;
  readonly #context: CommandContext;
  /** Aborted when the session is over, or the user wants no more. */
  readonly #over: AbortSignal;
  readonly #timesMs: number[] = [];
  #lost = 0;

  constructor(session: TransferSession, options: PingOptions, context: CommandContext) {
    this.#session = session;
    this.#options = options;
    this.#context = context;
    const over = new AbortController();
    this.#over = over.signal;
    void session.closed.then(() => over.abort());
    // A ping that is under way ends with its session.
    void context.interrupted().then(() => session.close());
  }

  get answered(): number {
    return this.#timesMs.length;
  }

  /** Until all are done, the session is over or the user wants no more. */
  async run(): Promise<void> {
    const { count, interval } = this.#options;
    for (let number = 1; number <= count; number++) {
      const startMs = performance.now();
      const goesOn = await this.#one(number);
      if (!goesOn || this.#context.signal.aborted) return;
      if (number < count) await this.#wait(startMs + interval * 1000 - performance.now());
      if (this.#context.signal.aborted) return;
    }
  }

  /** False: the session is over, which a ping that has an answer leaves to the next to tell. */
  async #one(number: number): Promise<boolean> {
    const { timeout, json } = this.#options;
    try {
      const timeMs = (await this.#session.ping({ timeoutMs: timeout })) / 1000;
      if (this.#context.signal.aborted) return false;
      this.#timesMs.push(timeMs);
      const { way } = this.#session;
      if (json) this.#context.event({ event: 'ping', number, roundTripMs: rounded(timeMs), way });
      else this.#context.result(`${number}: ${timeMs.toFixed(3)} ms`);
      return true;
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      if (this.#context.signal.aborted) return false;
      this.#lost++;
      const why = oneLine(error.message);
      if (json) this.#context.event({ event: 'lost', number, code: error.code, why });
      else this.#context.result(`${number}: no answer: ${why}`);
      return this.#session.isOpen;
    }
  }

  /** Cut short when the session is over. */
  async #wait(timeMs: number): Promise<void> {
    if (timeMs > 0) await sleep(timeMs, undefined, { signal: this.#over }).catch(() => {});
  }

  tellSummary(): void {
    const { answered } = this;
    const counts = { sent: answered + this.#lost, answered, lost: this.#lost };
    const sumMs = this.#timesMs.reduce((sum, timeMs) => sum + timeMs, 0);
    const [minMs, avgMs, maxMs] = [
      this.#timesMs.reduce((least, timeMs) => Math.min(least, timeMs), Number.POSITIVE_INFINITY),
      sumMs / answered,
      this.#timesMs.reduce((most, timeMs) => Math.max(most, timeMs), 0),
    ].map(rounded);
    if (this.#options.json) {
      const times = answered > 0 ? { minMs, avgMs, maxMs } : {};
      this.#context.event({ event: 'summary', ...counts, ...times });
      return;
    }
    const times = answered > 0 ? `; min ${minMs}, avg ${avgMs}, max ${maxMs} ms` : '';
    this.#context.result(`${counts.sent} sent, ${answered} answered, ${counts.lost} lost${times}`);
  }
}

/** To microseconds: that is what the session measures. */
function rounded(timeMs: number): number {
  return Math.round(timeMs * 1000) / 1000;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,7}$/.test(text) && count >= 1 && count <= COUNT_MAX) return count;
  throw new InvalidArgumentError(`wanted a number from 1 to ${COUNT_MAX}.`);
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,4}(\.\d{1,3})?$/.test(text) && seconds <= INTERVAL_S_MAX) return seconds;
  throw new InvalidArgumentError(`wanted seconds from 0 to ${INTERVAL_S_MAX}, such as 0.5.`);
}
