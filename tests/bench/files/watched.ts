/**
 * A program of a bench and all that it starts: what they take of the processor and of memory.
 * Looked up twenty times a second, so what a process takes in its last moment is not in it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const LOOK_MS = 50;
const END_MS = 10_000;
/** Of /proc/PID/stat: hundredths of a second on every Linux that we know. */
const TICK_S = 0.01;

export interface Taken {
  cpuS: number;
  /** The most that the largest of the processes has had at once, resident. */
  peakMiB: number;
}

export interface StartOptions {
  /** `ip netns exec NAME`, which becomes the program itself. */
  before?: readonly string[];
  folder?: string;
  environment?: Record<string, string>;
}

export class Watched {
  readonly child: ChildProcess;
  /** The exit code; null: by a signal. */
  readonly ended: Promise<number | null>;
  out = '';
  private readonly seconds = new Map<number, number>();
  private readonly timer: NodeJS.Timeout;
  private peakKiB = 0;
  private markS = 0;
  private isOver = false;

  constructor(words: readonly string[], { before = [], folder, environment }: StartOptions = {}) {
    const [command = '', ...more] = [...before, ...words];
    this.child = spawn(command, more, {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (part) => {
        this.out = `${this.out}${part}`.slice(-20_000);
      });
    }
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', resolve);
    });
    const over = () => {
      this.isOver = true;
      clearInterval(this.timer);
    };
    this.ended.then(over, over);
  }

  /** What has been taken up to now does not count. */
  mark(): void {
    this.look();
    this.markS = this.totalS;
  }

  get taken(): Taken {
    this.look();
    return { cpuS: this.totalS - this.markS, peakMiB: this.peakKiB / 1024 };
  }

  /** Resolves with what the expression finds in what it has said. */
  async says(expression: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const found = expression.exec(this.out);
      if (found) return found;
      if (this.isOver || performance.now() > endMs) throw new Error(`it said: ${this.tail}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Resolves when it, or what it has started, listens on that port: TCP, or bound over UDP. */
  async listens(port: number, timeoutMs = 60_000): Promise<void> {
    const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      // Of its namespace, whichever that is.
      const lines = ['tcp', 'tcp6', 'udp'].flatMap((kind) => this.socketsOf(kind));
      if (lines.some((line) => line.endsWith(local))) return;
      if (this.isOver || performance.now() > endMs) throw new Error(`it said: ${this.tail}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends it and what it has started, each by its own number. */
  async stop(): Promise<void> {
    const all = this.tree();
    for (const pid of all.reverse()) kill(pid, 'SIGTERM');
    const timer = setTimeout(() => {
      for (const pid of all) kill(pid, 'SIGKILL');
    }, END_MS);
    await this.ended.catch(() => {});
    clearTimeout(timer);
  }

  /** The end of what it has said. */
  private get tail(): string {
    return this.out.trim().slice(-500);
  }

  /** `ADDRESS:PORT` of all that waits there, as the kernel writes them. */
  private socketsOf(kind: string): string[] {
    const LISTENS = '0A';
    try {
      const text = readFileSync(`/proc/${this.child.pid}/net/${kind}`, 'utf8');
      const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
      const waits = rows.filter(([, , , state]) => kind === 'udp' || state === LISTENS);
      return waits.map(([, local]) => local ?? '');
    } catch {
      return []; // it has ended
    }
  }

  private get totalS(): number {
    return [...this.seconds.values()].reduce((sum, seconds) => sum + seconds, 0);
  }

  private look(): void {
    for (const pid of this.tree()) {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        this.seconds.set(pid, (Number(stat[11]) + Number(stat[12])) * TICK_S);
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const peakKiB = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
        this.peakKiB = Math.max(this.peakKiB, peakKiB);
      } catch {
        // It has just ended.
      }
    }
  }

  /** Its own number, and those of all that it has started. */
  private tree(): number[] {
    const { pid, exitCode, signalCode } = this.child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return [];
    const all = [pid];
    for (const one of all) all.push(...childrenOf(one));
    return all;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
      return text.split(' ').filter(Boolean).map(Number);
    });
  } catch {
    return []; // it has just ended
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
