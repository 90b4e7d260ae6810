import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { AnswerDatabase } from './answers/answer-database.ts';
import { InProcessBus } from './in-process-bus.ts';

const REQUESTS = 2_048;
/** At once: as many as eight connections have under way. */
const WINDOW = 64;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function oldBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name }) => space_name === 'old_space');
  return old.reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}

/** Were it a few thousand, the old space would be collected each second under load. */
it('leaves next to nothing of a request to collections of the whole heap', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'andvari-old-space-'));
  const answers = await AnswerDatabase.open(join(directory, 'answers.db'));
  const echo = { name: 'echo', handle: ({ payload }: { payload: Uint8Array }) => payload };
  const logger = createLogger({ level: 'silent' });
  const bus = new InProcessBus({ routes: new Map(), fallback: echo, answers, logger });
  const { signal } = new AbortController();
  let next = 0;
  const run = async (requests: number) => {
    for (const end = next + requests; next < end; ) {
      const calls = Array.from({ length: WINDOW }, () => {
        const call = { deviceId: `d${next % 64}`, userId: 'u', requestId: `r${next++}` };
        return bus.deliver({ ...call, payload: new Uint8Array(200) }, signal);
      });
      await Promise.all(calls);
    }
  };
  await run(REQUESTS);
  collect();
  const before = oldBytes();
  await run(REQUESTS);
  const each = (oldBytes() - before) / REQUESTS;
  await bus.close();
  await answers.close();
  rmSync(directory, { recursive: true });
  expect(each).toBeLessThan(300);
});
