/** A server in a process of its own (udp-server.ts). */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export class BenchServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** `args`: kind and store, as udp-server.ts takes them. */
  static async start(args: string[]): Promise<BenchServer> {
    const child = fork(fileURLToPath(new URL('./udp-server.ts', import.meta.url)), args, {
      execArgv: [],
    });
    return new BenchServer(child, await nextMessage(child));
  }

  /** Transactions that its store has committed. */
  commits(): Promise<number> {
    this.#child.send('commits');
    return nextMessage(this.#child);
  }

  close(): void {
    this.#child.disconnect();
  }
}

function nextMessage(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`server ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as number);
    });
  });
}
