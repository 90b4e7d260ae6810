/** The whole suite against servers of ours in every wire, and again on what it has left. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCases } from './runner.ts';
import { suite } from './suite.ts';
import type { TransportName } from './target.ts';
import { PreparedServers, type ServerKind } from './testing/prepared-server.ts';
import type { CaseResult } from './verdict.ts';

const long = process.env['ANDVARI_LONG'] === '1';
const never = new AbortController().signal;
const patience = { replyMs: 20_000, silenceMs: 150 };

let servers: PreparedServers;
beforeAll(async () => {
  servers = await PreparedServers.make();
});
afterAll(() => servers.remove());

/** What is no pass, in words. */
function odd(results: readonly CaseResult[]): string[] {
  return results
    .filter(({ verdict }) => verdict !== 'pass')
    .map((result) => `${result.verdict} ${result.case.id}: ${result.problem}`);
}

const NOT_HERE = 'skip raida/3/160/clear-key-refused: the server is on this machine';

// At once: half of their time is silence.
describe.concurrent('a server of ours passes', () => {
  /** Every wire, age and transport; in the long run more pairs of them. */
  const few: [ServerKind, TransportName][] = [
    [{ wire: 'spec', modern: true }, 'udp'],
    [{ wire: 'legacy', modern: true }, 'tcp'],
    [{ wire: 'spec', modern: false }, 'ws'],
  ];
  const more: [ServerKind, TransportName][] = [
    [{ wire: 'spec', modern: false }, 'tcp'],
    [{ wire: 'legacy', modern: false }, 'udp'],
    [{ wire: 'legacy', modern: true }, 'ws'],
  ];

  it.each(long ? [...few, ...more] : few)(
    '%j over %s',
    { timeout: 120_000 },
    async (kind, transport) => {
      const server = await servers.start(kind);
      try {
        const subject = server.subject(transport);
        const results = await runCases(suite, { subject, patience, signal: never });
        expect(odd(results)).toEqual([NOT_HERE]);
        expect(results.length).toBeGreaterThan(400);
        // Again, on what the first run has left, in reverse order; without the group whose
        // reservations would have to run out first.
        const again = suite.filter((one) => !one.case.id.startsWith('raida/9/')).reverse();
        expect(odd(await runCases(again, { subject, patience, signal: never }))).toEqual([
          NOT_HERE,
        ]);
      } finally {
        await server.stop();
      }
    },
  );
});
