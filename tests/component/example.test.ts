// docs/examples/component runs as docs/api.md shows it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { refusalOf } from '../../docs/examples/component/primitives.ts';

it('the example runs by itself', () => {
  const file = fileURLToPath(
    new URL('../../docs/examples/component/primitives.ts', import.meta.url),
  );
  const { stdout, status } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(stdout).toBe('CRC-32 6ce82e52\none bit changed: bad-tag\n');
  expect(refusalOf(new Uint8Array(1))).toBe('bad-tag');
});
