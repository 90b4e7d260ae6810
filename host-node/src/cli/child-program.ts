/** For tests: the program as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const WAIT_MS = 60_000;
const main = fileURLToPath(new URL('./main.ts', import.meta.url));

export class ChildProgram {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  out = '';
  err = '';

  /** @param before the command that starts it: `ip netns exec NAME`, which becomes Node itself */
  constructor(
    words: readonly string[],
    script = main,
    environment: Record<string, string> = {},
    before: readonly string[] = [],
  ) {
    const [command = '', ...more] = [...before, process.execPath, script, ...words];
    this.child = spawn(command, more, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (part) => {
      this.out += part;
    });
    this.child.stderr?.on('data', (part) => {
      this.err += part;
    });
    this.ended = new Promise((resolve) =>
      this.child.on('close', (code, signal) => resolve({ code, signal })),
    );
  }

  /** The lines of JSON with this event so far. */
  events(name: string): Record<string, unknown>[] {
    const lines = this.out.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line)).filter((event) => event.event === name);
  }

  /** Waits for a line of JSON with this event, which may take long on a busy machine. */
  async event(name: string): Promise<Record<string, unknown>> {
    let isOver = false;
    void this.ended.then(() => {
      isOver = true;
    });
    const endMs = performance.now() + WAIT_MS;
    for (let isLast = false; !isLast; ) {
      isLast = isOver || performance.now() > endMs;
      const [event] = this.events(name);
      if (event) return event;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`no event ${name}: ${this.out} ${this.err}`);
  }
}
