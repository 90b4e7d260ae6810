/** A runner in Node: case lines on stdin, result lines on stdout; 127: cannot be run here. */
import { text } from 'node:stream/consumers';
import { type Case, emitLines, parseLines, type Result } from '../case.ts';

export const NOT_SUPPORTED = 127;

export async function answerLines(work: (cases: Case[]) => Promise<Result[]>): Promise<void> {
  const results = await work(parseLines<Case>(await text(process.stdin)));
  process.stdout.write(emitLines(results));
}

/** Says on stderr what is missing, and ends. */
export function notSupported(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(NOT_SUPPORTED);
}
