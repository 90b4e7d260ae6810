// The engine in a page of any browser: fetches the cases, posts the results to where it came from.
import { plainEngine } from '@andvari/host-common/engine/module';
import { type Case, emitLines, parseLines } from '../case.ts';
import { runCases } from '../functions/functions.ts';
import { rawFunctions } from '../functions/raw.ts';

async function answer(): Promise<string> {
  const cases = parseLines<Case>(await (await fetch('/cases')).text());
  return emitLines(await runCases(rawFunctions(await plainEngine()), cases));
}

const post = (path: string, body: string) => fetch(path, { method: 'POST', body });

answer().then(
  (lines) => post('/results', lines),
  (error) => post('/failure', error instanceof Error ? (error.stack ?? error.message) : `${error}`),
);
