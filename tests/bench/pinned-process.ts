/** A process of a bench's own that answers questions, on one core where the machine lets it. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What is measured has a core of its own, and what asks it another. */
export const Core = { server: '0', load: '1' } as const;

/** Two cores and util-linux: without them figures are of whatever the scheduler does. */
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

export interface PinnedOptions {
  core: (typeof Core)[keyof typeof Core];
  args: readonly string[];
  /** Of Node. */
  flags: readonly string[];
}

export class PinnedProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** `file`: beside this one. With what the process says first. */
  static async start(
    file: string,
    { core, args, flags }: PinnedOptions,
  ): Promise<{ process: PinnedProcess; hello: unknown }> {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const node = [process.execPath, ...flags];
    const pinned = { execPath: 'taskset', execArgv: ['-c', core, ...node] };
    const child = fork(path, args, canPin ? pinned : { execArgv: [...flags] });
    return { process: new PinnedProcess(child), hello: await nextMessage(child) };
  }

  /** One question at a time. Rejects when the process ends without an answer. */
  ask(question: unknown): Promise<unknown> {
    this.#child.send(question as object);
    return nextMessage(this.#child);
  }

  close(): void {
    this.#child.disconnect();
  }
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) =>
      reject(new Error(`a bench's process ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}
