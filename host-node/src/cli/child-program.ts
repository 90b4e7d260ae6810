/** For tests: the program as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

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

  /** Waits for a line of JSON with this event. */
  async event(name: string): Promise<Record<string, unknown>> {
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 10) {
      for (const line of this.out.split('\n').slice(0, -1)) {
        const event = JSON.parse(line) as Record<string, unknown>;
        if (event['event'] === name) return event;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`no event ${name}: ${this.out} ${this.err}`);
  }
}
