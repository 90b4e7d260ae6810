/** A stream to a terminal, such as process.stderr. */
export interface Terminal {
  write(text: string): unknown;
  columns?: number;
  rows?: number;
}

/** Twice a second is as often as anybody can read. */
const REDRAW_MS = 500;

/**
 * Some lines at the foot of a terminal that are drawn again in place, at most twice a second and
 * only when they change; log lines go above them.
 */
export class LiveScreen {
  readonly #terminal: Terminal;
  readonly #render: () => string[];
  #drawn: readonly string[] = [];
  #columns = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, render: () => string[]) {
    this.#terminal = terminal;
    this.#render = render;
  }

  start(): void {
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  /** Write a finished line (its newline included) above the drawing. */
  log(line: string): void {
    const drawn = this.#drawn;
    this.#terminal.write(this.#erase() + line + block(drawn));
    this.#drawn = drawn;
  }

  /** Draw for the last time; the lines stay. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw();
    this.#drawn = [];
  }

  #draw(): void {
    const lines = this.#render();
    const columns = this.#terminal.columns ?? 0;
    const same =
      columns === this.#columns &&
      lines.length === this.#drawn.length &&
      lines.every((line, index) => line === this.#drawn[index]);
    if (same) return;
    this.#terminal.write(this.#erase() + block(lines));
    this.#drawn = lines;
    this.#columns = columns;
  }

  /** The sequence that takes the drawing away and leaves the cursor where it began. */
  #erase(): string {
    const lines = this.#drawn.length;
    this.#drawn = [];
    return lines === 0 ? '' : `\u001b[${lines}A\r\u001b[0J`;
  }
}

function block(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
