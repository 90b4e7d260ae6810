/**
 * An endpoint in a process of its own, for tests that kill it: node endpoint-process.ts FOLDER
 * [ORIGIN]. With the origin of a page there is WebTransport too. Tells its RatatoskrAddress to the
 * parent. Its one service writes a line to FOLDER/executed before it answers,
 * and answers after so many milliseconds as its payload says.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '../../log/logger.ts';
import { SelfMadeCertificates } from '../../webtransport/certificates.ts';
import { RatatoskrEndpoint } from '../endpoint.ts';
import type { Service } from '../service-bus.ts';

const [folder, origin] = process.argv.slice(2) as [string, string?];

const written: Service = {
  name: 'written',
  handle: async ({ requestId, json }) => {
    appendFileSync(join(folder, 'executed'), `${requestId}\n`);
    const { waitMs } = json as { waitMs: number };
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    return new TextEncoder().encode(JSON.stringify([requestId, process.pid]));
  },
};

const endpoint = await RatatoskrEndpoint.start(
  {
    listen: { host: '127.0.0.1', port: 0 },
    ...(origin !== undefined && {
      origins: [origin],
      webTransport: new SelfMadeCertificates(['127.0.0.1'], Date.now()),
    }),
    files: {
      devices: join(folder, 'devices.json'),
      serverKey: join(folder, 'server-key'),
      audit: join(folder, 'audit.log'),
      answers: join(folder, 'answers.db'),
    },
    services: () => ({ routes: new Map(), fallback: written }),
    rates: { perMinute: 100_000, perHour: 100_000 },
    connectionRate: { burst: 100_000 },
    replayEntries: 4096,
  },
  { logger: createLogger({ level: 'silent' }) },
);
process.send?.(endpoint.describe());
process.on('disconnect', () => process.exit());
