/** One try to connect, by the first transport that succeeds; and which of them is the first. */

import type {
  ChannelEvents,
  ClientChannel,
  ClientTransport,
  TransportName,
} from './client-channel.ts';
import type { ClientClock } from './client-clock.ts';
import { RatatoskrError } from './client-error.ts';
import { FALLBACK_MS, SESSION_TIMEOUT_MS } from './limits.ts';
import { withinTime } from './time-limit.ts';

const NORMAL = 1000;

export interface DialerOptions {
  /** The preferred one first. */
  transports: readonly ClientTransport[];
  clock: ClientClock;
  /** For each transport. */
  timeoutMs: number;
  /** Less than that, and for the answer to a connection request, while there is another to try. */
  fallbackAfterMs: number;
}

export interface Dialed {
  channel: ClientChannel;
  transport: TransportName;
  /** Time for the answer to a connection request: less while another one is there to try. */
  answerMs(): number;
  /**
   * It connects, but carries nothing: it is left alone for a while, as if it did not. Gives whether
   * another one may do better, which was not put off lately.
   */
  putOff(): boolean;
}

export class Dialer {
  readonly #options: DialerOptions;
  /** When a transport may be taken in its own place again; until then it is behind the others. */
  readonly #notBeforeMs = new Map<ClientTransport, number>();

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /**
   * Throws RatatoskrError ANDVARI_UNREACHABLE, with what each transport said, or the signal's
   * reason. `eventsOf` is asked once for each try: what a lost one still says goes nowhere.
   */
  async dial(eventsOf: () => ChannelEvents, signal: AbortSignal): Promise<Dialed> {
    const { timeoutMs, fallbackAfterMs } = this.#options;
    const failed: ClientTransport[] = [];
    const faults: string[] = [];
    const order = this.#inOrder();
    for (const transport of order) {
      const limitMs = transport === order.at(-1) ? timeoutMs : Math.min(timeoutMs, fallbackAfterMs);
      try {
        const channel = await this.#try(transport, eventsOf(), { signal, timeoutMs: limitMs });
        for (const other of failed) this.#putOff(other);
        return {
          channel,
          transport: transport.name,
          answerMs: () => (this.#hasOther(transport) ? fallbackAfterMs : SESSION_TIMEOUT_MS),
          putOff: () => {
            this.#putOff(transport);
            return this.#hasOther(transport);
          },
        };
      } catch (error) {
        signal.throwIfAborted();
        failed.push(transport);
        const fault = String(error instanceof Error ? error.message : error);
        faults.push(`${transport.name}: ${fault.trim().replace(/\s+/g, ' ')}`);
      }
    }
    throw new RatatoskrError('ANDVARI_UNREACHABLE', faults.join('; ') || 'no transport is there');
  }

  /** Those that are put off come last, and among them the one that was put off first. */
  #inOrder(): ClientTransport[] {
    const lateMs = (one: ClientTransport) =>
      this.#isLate(one) ? (this.#notBeforeMs.get(one) as number) : 0;
    return [...this.#options.transports].sort((one, other) => lateMs(one) - lateMs(other));
  }

  #hasOther(transport: ClientTransport): boolean {
    return this.#options.transports.some((one) => one !== transport && !this.#isLate(one));
  }

  #isLate(transport: ClientTransport): boolean {
    return (this.#notBeforeMs.get(transport) ?? 0) > this.#options.clock.monotonicMs();
  }

  #putOff(transport: ClientTransport): void {
    this.#notBeforeMs.set(transport, this.#options.clock.monotonicMs() + FALLBACK_MS);
  }

  async #try(
    transport: ClientTransport,
    events: ChannelEvents,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<ClientChannel> {
    const { clock } = this.#options;
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
