/** One try to connect, by the first transport that succeeds. */

import type {
  ChannelEvents,
  ClientChannel,
  ClientTransport,
  TransportName,
} from './client-channel.ts';
import type { ClientClock } from './client-clock.ts';
import { RatatoskrError } from './client-error.ts';
import { FALLBACK_MS } from './limits.ts';
import { withinTime } from './time-limit.ts';

const NORMAL = 1000;

export interface DialerOptions {
  /** The preferred one first. */
  transports: readonly ClientTransport[];
  clock: ClientClock;
  /** For each transport. */
  timeoutMs: number;
}

export interface Dialed {
  channel: ClientChannel;
  transport: TransportName;
}

export class Dialer {
  readonly #options: DialerOptions;
  /** When a transport may be the first choice again. */
  readonly #notBeforeMs = new Map<ClientTransport, number>();

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /**
   * Throws RatatoskrError ANDVARI_UNREACHABLE, with what each transport said, or the signal's
   * reason. `eventsOf` is asked once for each try: what a lost one still says goes nowhere.
   */
  async dial(eventsOf: () => ChannelEvents, signal: AbortSignal): Promise<Dialed> {
    const { clock } = this.#options;
    const failed: ClientTransport[] = [];
    const faults: string[] = [];
    for (const transport of this.#inOrder()) {
      try {
        const channel = await this.#try(transport, eventsOf(), signal);
        const nowMs = clock.monotonicMs();
        for (const other of failed) this.#notBeforeMs.set(other, nowMs + FALLBACK_MS);
        return { channel, transport: transport.name };
      } catch (error) {
        signal.throwIfAborted();
        failed.push(transport);
        const fault = String(error instanceof Error ? error.message : error);
        faults.push(`${transport.name}: ${fault.trim().replace(/\s+/g, ' ')}`);
      }
    }
    throw new RatatoskrError('ANDVARI_UNREACHABLE', faults.join('; ') || 'no transport is there');
  }

  #inOrder(): ClientTransport[] {
    const nowMs = this.#options.clock.monotonicMs();
    const isLate = (transport: ClientTransport) =>
      (this.#notBeforeMs.get(transport) ?? nowMs) > nowMs;
    const { transports } = this.#options;
    return [...transports.filter((one) => !isLate(one)), ...transports.filter(isLate)];
  }

  async #try(
    transport: ClientTransport,
    events: ChannelEvents,
    signal: AbortSignal,
  ): Promise<ClientChannel> {
    const { clock, timeoutMs } = this.#options;
    const late = () => new Error(`no connection within ${timeoutMs} ms`);
    let connecting: Promise<ClientChannel> | undefined;
    const connect = (either: AbortSignal) => {
      connecting = transport.connect(events, either);
      return connecting;
    };
    try {
      return await withinTime(connect, { clock, timeoutMs, late, signal });
    } catch (error) {
      // One that does not look at its signal may still connect: nobody wants it then.
      connecting?.then((channel) => channel.close(NORMAL, ''), ignore);
      throw error;
    }
  }
}

function ignore(): void {}
