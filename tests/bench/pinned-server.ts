/** A process of ratatoskr-server.ts on a core of its own, and this one on another. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Ports, Usage } from './ratatoskr-server.ts';

const SERVER_CORE = '0';
const LOAD_CORE = '1';
/** As `npm start` and `npm run andvari` start it (package.json; docs/decisions.md says why). */
const SERVE_FLAGS = ['--max-semi-space-size=8'];

/** Two cores and util-linux: without them figures are of whatever the scheduler does. */
export const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** Keep this process on the core of the load until `unpin`. */
export function pinLoad(): { unpin(): void } {
  if (!canPin) return { unpin: () => {} };
  const pid = `${process.pid}`;
  const before = spawnSync('taskset', ['-pc', pid], { encoding: 'utf8' });
  const cores = before.stdout.trim().split(/\s+/).at(-1) ?? '0-1';
  const pin = (list: string) => spawnSync('taskset', ['-apc', list, pid]);
  pin(LOAD_CORE);
  return { unpin: () => void pin(cores) };
}

export class PinnedServer {
  readonly ports: Ports;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: Ports) {
    this.#child = child;
    this.ports = ports;
  }

  /** `kind`: as ratatoskr-server.ts takes it; `flags` of Node: as the launcher's, or others. */
  static async start(kind: string, flags: readonly string[] = SERVE_FLAGS): Promise<PinnedServer> {
    const path = fileURLToPath(new URL('./ratatoskr-server.ts', import.meta.url));
    const node = [process.execPath, ...flags];
    const pinned = { execPath: 'taskset', execArgv: ['-c', SERVER_CORE, ...node] };
    const child = fork(path, [kind], canPin ? pinned : { execArgv: [...flags] });
    return new PinnedServer(child, (await nextMessage(child)) as Ports);
  }

  usage(): Promise<Usage> {
    return this.#ask('usage') as Promise<Usage>;
  }

  /** Pairs of verify and sign, alone on the core. */
  ed25519(): Promise<{ pairs: number; seconds: number; cpuUs: number }> {
    return this.#ask('ed25519') as Promise<{ pairs: number; seconds: number; cpuUs: number }>;
  }

  close(): void {
    this.#child.disconnect();
  }

  #ask(question: string): Promise<unknown> {
    this.#child.send(question);
    return nextMessage(this.#child);
  }
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`server ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}
