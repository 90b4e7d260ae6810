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
  const answer = await answerTo(`${question} [y/N] `, context, signal);
  return answer === undefined ? undefined : isYes(answer);
}

/** The same with a third answer, t and trust: yes, and not to be asked about this one again. */
export async function confirmOrTrust(
  question: string,
  context: CommandContext,
): Promise<'yes' | 'no' | 'trust'> {
  const prompt = `${question} [y/N, t: yes, and trust this peer from now on] `;
  const answer = (await answerTo(prompt, context, context.signal)) ?? '';
  if (/^t(rust)?$/i.test(answer)) return 'trust';
  return isYes(answer) ? 'yes' : 'no';
}

function isYes(answer: string): boolean {
  return /^y(es)?$/i.test(answer);
}

async function answerTo(
  prompt: string,
  context: CommandContext,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!context.interactive || process.stdin.isTTY !== true) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await lines.question(prompt, { signal })).trim();
  } finally {
    lines.close();
  }
}
