/**
 * Audit records as JSON, oldest first, in a few large blocks of bytes: ten thousand objects that
 * live for seconds would be copied by the garbage collector, and it stops the server for that.
 */

const BLOCK_BYTES = 65_536;

interface Block {
  /** Texts, each with a newline behind it, which JSON has only as an escape. */
  bytes: Buffer;
  used: number;
  records: number;
  /** Of these, from the front, those that are gone. */
  gone: number;
}

export class AuditQueue {
  #blocks: Block[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(text: string): void {
    const block = this.#blockFor(Buffer.byteLength(text) + 1);
    block.used += block.bytes.write(`${text}\n`, block.used);
    block.records++;
    this.#length++;
  }

  /** The oldest go. */
  drop(count: number): void {
    let left = Math.min(count, this.#length);
    this.#length -= left;
    for (let [block] = this.#blocks; block && left > 0; [block] = this.#blocks) {
      const part = Math.min(left, block.records - block.gone);
      block.gone += part;
      left -= part;
      if (block.gone < block.records) return;
      this.#blocks.shift();
    }
  }

  texts(): string[] {
    return this.#blocks.flatMap(({ bytes, used, gone }) =>
      bytes.toString('utf8', 0, used).split('\n').slice(gone, -1),
    );
  }

  clear(): void {
    this.drop(this.#length);
  }

  #blockFor(bytes: number): Block {
    const last = this.#blocks.at(-1);
    if (last && last.used + bytes <= last.bytes.length) return last;
    const size = Math.max(BLOCK_BYTES, bytes);
    const block = { bytes: Buffer.allocUnsafeSlow(size), used: 0, records: 0, gone: 0 };
    this.#blocks.push(block);
    return block;
  }
}
