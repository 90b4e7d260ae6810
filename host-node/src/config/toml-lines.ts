/**
 * Where each key of a TOML text stands: the parser gives values without lines, and an error without
 * a line is a search. Reads texts that the parser has accepted; for others the answer is of no use,
 * but it comes.
 */

const bareKey = /[A-Za-z0-9_-]+/y;
const basicString = /"(?:[^"\\\n]|\\.)*"/y;
const literalString = /'[^'\n]*'/y;
const longString = /"""(?:[^\\]|\\[\s\S])*?"""(?:"{1,2}(?!"))?|'''[\s\S]*?'''(?:'{1,2}(?!'))?/y;
const plainValue = /[^,\]}\s#]+/y;
const blank = /[ \t\r\n]+|#[^\n]*/y;
const inLineBlank = /[ \t]+/y;

class Scanner {
  /** Dotted path -> line, counted from 1. */
  readonly lines = new Map<string, number>();
  #position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): void {
    let table: string[] = [];
    for (;;) {
      this.#skip(blank);
      if (this.#position >= this.#text.length) return;
      const before = this.#position;
      if (this.#takes('[')) {
        this.#takes('[');
        table = this.#key([]);
        while (this.#takes(']'));
      } else {
        this.#pair(table);
      }
      if (this.#position === before) return;
    }
  }

  /** KEY = VALUE, of a table or an inline table. */
  #pair(table: readonly string[]): void {
    const path = this.#key(table);
    this.#skip(inLineBlank);
    if (this.#takes('=')) this.#value(path);
  }

  /** A dotted key behind `table`; each part of it is noted at its first line. */
  #key(table: readonly string[]): string[] {
    const path = [...table];
    do {
      this.#skip(inLineBlank);
      const line = this.#line();
      const part = this.#keyPart();
      if (part === undefined) break;
      path.push(part);
      const name = path.join('.');
      if (!this.lines.has(name)) this.lines.set(name, line);
      this.#skip(inLineBlank);
    } while (this.#takes('.'));
    return path;
  }

  #keyPart(): string | undefined {
    const quoted = this.#match(basicString);
    if (quoted !== undefined) {
      try {
        return JSON.parse(quoted) as string;
      } catch {
        return quoted.slice(1, -1);
      }
    }
    return this.#match(literalString)?.slice(1, -1) ?? this.#match(bareKey);
  }

  /**
   * Skips a value; keys of inline tables are noted. A loop with a stack: nesting is bounded by the
   * text alone.
   */
  #value(path: readonly string[]): void {
    const open: ('[' | '{')[] = [];
    const paths: (readonly string[])[] = [];
    do {
      this.#skip(open.length > 0 ? blank : inLineBlank);
      const inside = open.at(-1);
      if (this.#takes(inside === '[' ? ']' : '}')) {
        open.pop();
        paths.pop();
      } else if (this.#takes(',')) {
        // The next element or pair follows.
      } else {
        let target = paths.at(-1) ?? path;
        if (inside === '{') {
          target = this.#key(target);
          this.#skip(blank);
          this.#takes('=');
          this.#skip(blank);
        }
        const opened = this.#takes('[') ? '[' : this.#takes('{') ? '{' : undefined;
        if (opened) {
          open.push(opened);
          paths.push(target);
        } else if (!this.#scalar()) {
          return;
        }
      }
    } while (open.length > 0);
  }

  #scalar(): boolean {
    for (const form of [longString, basicString, literalString, plainValue]) {
      if (this.#match(form) !== undefined) return true;
    }
    return false;
  }

  #takes(mark: string): boolean {
    if (this.#text[this.#position] !== mark) return false;
    this.#position++;
    return true;
  }

  #match(form: RegExp): string | undefined {
    form.lastIndex = this.#position;
    const found = form.exec(this.#text)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #skip(form: RegExp): void {
    while (this.#match(form) !== undefined);
  }

  #line(): number {
    let line = 1;
    let at = this.#text.indexOf('\n');
    while (at !== -1 && at < this.#position) {
      line++;
      at = this.#text.indexOf('\n', at + 1);
    }
    return line;
  }
}

/** The line of every table and key by its dotted path ("raida", "raida.number"), counted from 1. */
export function tomlLines(text: string): Map<string, number> {
  const scanner = new Scanner(text);
  scanner.scan();
  return scanner.lines;
}
