/** Runs `npm run bench:files` with a small file, for tests. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

export function bench(words: string[], environment: Record<string, string> = {}) {
  const all = [MAIN, '--size', '0.5', '--json', ...words];
  const env = { ...process.env, ...environment };
  const options = { encoding: 'utf8', env } as const;
  const { pid, status, stdout, stderr } = spawnSync(process.execPath, all, options);
  const lines = stdout.split('\n').filter(Boolean);
  return { pid, status, stderr, rows: lines.map((line) => JSON.parse(line)) };
}
