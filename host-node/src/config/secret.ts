/**
 * A secret that shows itself only to those who ask: not to JSON, not to console.log, not to a
 * template.
 */
import { inspect } from 'node:util';

export class Secret {
  readonly #bytes: Uint8Array;

  /** Copies the bytes. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
  }

  /** An own copy. */
  reveal(): Uint8Array {
    return this.#bytes.slice();
  }

  toString(): string {
    return '(set)';
  }

  toJSON(): string {
    return '(set)';
  }

  [inspect.custom](): string {
    return '(set)';
  }
}
