/**
 * Files into a range of the WebAssembly memory and out of it, by io_uring with registered buffers:
 * the kernel copies between its page cache and the memory, and nothing else does.
 */
import { getSystemErrorMap } from 'node:util';

export interface FileRingOptions {
  memory: WebAssembly.Memory;
  /** First byte of the memory that is registered. */
  offset: number;
  /** Bytes that are registered, 1 to 2^30. They count as locked memory of this process. */
  bytes: number;
}

/** One read or write; `memoryOffset` and `bytes` must lie inside the registered range. */
export interface FileTransfer {
  write: boolean;
  fd: number;
  /** First byte in the file. */
  position: number;
  memoryOffset: number;
  bytes: number;
}

/** What the addon gives. */
export interface NativeFileRing {
  start(write: boolean, fd: number, position: number, offset: number, bytes: number): number;
  close(): void;
}

export interface FileRingAddon {
  openFileRing(
    options: FileRingOptions,
    callback: (operation: number, result: number) => void,
  ): NativeFileRing;
}

/** Reads and writes that wait for their turn: beyond it the caller has lost control of its work. */
export const FILE_TRANSFERS_WAITING_MAX = 4096;

interface Promised {
  transfer: FileTransfer;
  resolve(bytes: number): void;
  reject(error: Error): void;
}

/** An error as node:fs makes it: `code`, `errno` (negative) and `syscall`. */
function systemError(errno: number, syscall: string): Error {
  const [code, text] = getSystemErrorMap().get(errno) ?? ['UNKNOWN', `errno ${errno}`];
  return Object.assign(new Error(`${code}: ${text}, ${syscall}`), { code, errno, syscall });
}

function wantInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name}: wanted an integer from 0 to 2^53 - 1, not ${value}`);
  }
}

export class FileRing {
  readonly #ring: NativeFileRing;
  readonly #running = new Map<number, Promised>();
  readonly #waiting: Promised[] = [];
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  /**
   * @throws an error with the `code` ANDVARI_IO_UNSUPPORTED, ANDVARI_IO_PERMISSION,
   * ANDVARI_IO_MEMLOCK or ANDVARI_IO_SYSTEM, and RangeError for a range outside the memory.
   */
  constructor(addon: FileRingAddon, options: FileRingOptions) {
    wantInteger('offset', options.offset);
    wantInteger('bytes', options.bytes);
    if (options.offset + options.bytes > options.memory.buffer.byteLength) {
      throw new RangeError('wanted a range inside the memory');
    }
    this.#ring = addon.openFileRing(options, (operation, result) => this.#end(operation, result));
  }

  /**
   * Resolves with the bytes that were read or written: fewer than asked for only at the end of a
   * file that is read. Rejects with the error that stands nearest to the beginning, as node:fs
   * does; bytes before it may have been transferred. The range belongs to the kernel until then.
   */
  transfer(transfer: FileTransfer): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw new Error('the file ring is closed');
      for (const name of ['fd', 'position', 'memoryOffset', 'bytes'] as const) {
        wantInteger(name, transfer[name]);
      }
      if (this.#waiting.length >= FILE_TRANSFERS_WAITING_MAX) {
        throw new Error(`more than ${FILE_TRANSFERS_WAITING_MAX} reads and writes wait`);
      }
      if (transfer.bytes === 0) return resolve(0);
      const promised = { transfer: { ...transfer }, resolve, reject };
      if (this.#waiting.length > 0 || !this.#start(promised)) this.#waiting.push(promised);
    });
  }

  /** Idempotent. Waits for everything that was asked for before, then lets go of the memory. */
  close(): Promise<void> {
    this.#closing ??= new Promise<void>((resolve) => {
      if (this.#running.size === 0) resolve();
      else this.#idle = resolve;
    }).then(() => this.#ring.close());
    return this.#closing;
  }

  /** False: as many are under way as the addon takes. */
  #start(promised: Promised): boolean {
    const { write, fd, position, memoryOffset, bytes } = promised.transfer;
    const operation = this.#ring.start(write, fd, position, memoryOffset, bytes);
    if (operation < 0) return false;
    this.#running.set(operation, promised);
    return true;
  }

  #end(operation: number, result: number): void {
    const promised = this.#running.get(operation);
    this.#running.delete(operation);
    this.#startWaiting();
    if (result >= 0) promised?.resolve(result);
    else promised?.reject(systemError(result, promised.transfer.write ? 'write' : 'read'));
    if (this.#running.size === 0) this.#idle?.();
  }

  #startWaiting(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      try {
        if (!this.#start(next)) return;
      } catch (error) {
        next.reject(error as Error);
      }
      this.#waiting.shift();
    }
  }
}
