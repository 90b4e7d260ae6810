import { createInterface } from 'node:readline/promises';
import type { CommandContext } from './command-context.ts';

/**
 * Asks whoever sits at the terminal; no is what is taken for anything but y and yes. Undefined:
 * nobody sits there. Rejects with the signal's reason when the command is interrupted.
 */
export async function confirm(
  question: string,
  context: CommandContext,
  signal: AbortSignal = context.signal,
): Promise<boolean | undefined> {
  if (!context.interactive || process.stdin.isTTY !== true) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
