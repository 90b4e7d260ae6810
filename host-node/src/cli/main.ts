/** The program `andvari`, as a process: streams, signals, exit code. */
import { CommandContext } from './command-context.ts';
import { runProgram } from './program.ts';

/**
 * One Ctrl-C can arrive twice: from the terminal, which tells the whole group, and from npm or
 * the launcher, which pass it on. Only one that comes later than this is a second one.
 */
const SAME_SIGNAL_MS = 500;
/** What a shell sees of a process that a signal has ended: 128 and the signal's number. */
const FORCED = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type StopSignal = keyof typeof FORCED;

export async function main(): Promise<void> {
  const stop = new AbortController();
  let firstMs = 0;
  const interrupt = (signal: StopSignal) => {
    if (stop.signal.aborted) {
      if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(FORCED[signal]);
      return;
    }
    firstMs = performance.now();
    stop.abort();
  };
  const signals = Object.keys(FORCED) as StopSignal[];
  for (const signal of signals) {
    process.on(signal, () => {
      // A command that listens too has a use of its own for it: SIGHUP reads files anew.
      if (process.listenerCount(signal) === 1) interrupt(signal);
    });
  }
  // The launcher is gone, killed perhaps: nobody could stop this process by it any more.
  process.on('disconnect', () => interrupt('SIGTERM'));
  process.channel?.unref();
  // A reader that has had enough (`| head`) is no error.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const context = new CommandContext({
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: stop.signal,
  });
  const exitCode = await runProgram(process.argv.slice(2), context);
  // Not process.exit(): what is written to a pipe must still leave. Nothing else is open by now.
  process.exitCode = exitCode;
  for (const signal of signals) process.removeAllListeners(signal);
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
}

if (import.meta.main) await main();
