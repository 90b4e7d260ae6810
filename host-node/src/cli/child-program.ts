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

  constructor(words: readonly string[], script = main, environment: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [script, ...words], {
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

  /** Waits for a line of JSON with this event, which may take long on a busy machine. */
  async event(name: string): Promise<Record<string, unknown>> {
    let isOver = false;
    void this.ended.then(() => {
      isOver = true;
    });
    const endMs = performance.now() + WAIT_MS;
    for (let isLast = false; !isLast; ) {
      isLast = isOver || performance.now() > endMs;
      for (const line of this.out.split('\n').slice(0, -1)) {
        const event = JSON.parse(line) as Record<string, unknown>;
        if (event['event'] === name) return event;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`no event ${name}: ${this.out} ${this.err}`);
  }
}
