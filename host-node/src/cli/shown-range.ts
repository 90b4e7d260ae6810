/** How far bytes are that go to standard output: a bar on stderr, or events. */
import { sizeText, timeText } from '@andvari/host-common/transfer/files/amount-text';
import { RateMeter } from '@andvari/host-common/transfer/files/rate-meter';
import type { CommandContext } from './command-context.ts';
import { barOf, EVENT_MS, LOOK_MS } from './transfer-progress.ts';

const FORMAT = '{name} {bar} {percentage} % of {size}  {rate}  {left}';

export class ShownRange {
  readonly #name: string;
  readonly #size: number;
  readonly #json: boolean;
  readonly #context: CommandContext;
  readonly #meter = new RateMeter(performance.now());
  readonly #bar: ReturnType<typeof barOf> | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  #doneBytes = 0;

  constructor(
    { name, size }: { name: string; size: number },
    { json }: { json: boolean },
    context: CommandContext,
  ) {
    this.#name = name;
    this.#size = size;
    this.#json = json;
    this.#context = context;
    if (!json && context.interactive) this.#bar = barOf(FORMAT, context);
    this.#bar?.start(Math.max(1, size), 0, this.#texts());
    this.#timer = setInterval(() => this.#tell(), json ? EVENT_MS : LOOK_MS);
  }

  /** Bytes whose writing has ended. */
  get doneBytes(): number {
    return this.#doneBytes;
  }

  /** The same pieces; one counts when the next is asked for. */
  async *watched(pieces: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
    for await (const piece of pieces) {
      yield piece;
      this.#doneBytes += piece.length;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#bar?.stop();
  }

  #tell(): void {
    this.#meter.look(performance.now(), this.#doneBytes);
    if (!this.#json) {
      this.#bar?.update(this.#doneBytes, this.#texts());
      return;
    }
    const left = this.#left;
    this.#context.event({
      ...{ event: 'progress', name: this.#name },
      ...{ doneBytes: this.#doneBytes, totalBytes: this.#size },
      bytesPerSecond: Math.round(this.#meter.rate),
      secondsLeft: left === undefined ? null : Math.ceil(left),
    });
  }

  get #left(): number | undefined {
    return this.#meter.eta(this.#size - this.#doneBytes);
  }

  #texts(): Record<string, string> {
    const left = this.#left;
    return {
      name: this.#name,
      size: sizeText(this.#size),
      rate: `${sizeText(this.#meter.rate)}/s`,
      left: left === undefined ? '' : timeText(left),
    };
  }
}
