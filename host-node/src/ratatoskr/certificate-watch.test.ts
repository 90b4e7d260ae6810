import { expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import type { CertificateSource } from '../webtransport/certificates.ts';
import { CertificateWatch } from './certificate-watch.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2027-01-30T12:00:00Z');

/** A watch over a certificate that ends in `days` of `life`, and what it tells. */
function watch(days: number, life = 90) {
  const lines: string[] = [];
  const logger = createLogger({ level: 'silent' });
  const keep = (level: string) => (about: { problem?: string }, text?: string) =>
    void lines.push(`${level} ${text}: ${about.problem}`);
  Object.assign(logger, { warn: keep('warn'), error: keep('error') });
  const source = {
    validity: () => ({ notBeforeMs: source.endMs - life * DAY_MS, notAfterMs: source.endMs }),
    endMs: NOW_MS + days * DAY_MS,
  };
  const watching = new CertificateWatch(source as unknown as CertificateSource, logger);
  watching.stop();
  lines.length = 0;
  return { watching, lines, source };
}

it('tells the end before it comes, when it has come, and each day again', () => {
  const { watching, lines, source } = watch(8);
  for (let hour = 0; hour <= 24 * 10; hour++) watching.look(NOW_MS + (hour * DAY_MS) / 24);
  const end = '2027-02-07T12:00:00.000Z';
  expect(lines.filter((line) => line.startsWith('warn'))).toEqual(
    Array(7).fill(`warn the certificate in use ends soon: it ends at ${end}`),
  );
  expect(lines.slice(7)).toEqual(
    Array(2).fill(`error the certificate in use is not valid: it ended at ${end}`),
  );
  expect(watching.trouble(NOW_MS + 8 * DAY_MS)).toBeUndefined();
  expect(watching.trouble(NOW_MS + 8 * DAY_MS + 1)).toBe(`it ended at ${end}`);
  // Another one is there, and then its clock goes wrong.
  source.endMs = NOW_MS + 90 * DAY_MS;
  watching.look(NOW_MS + 11 * DAY_MS);
  expect(lines).toHaveLength(9);
  watching.look(NOW_MS - DAY_MS);
  expect(lines[9]).toMatch(/^error .* it is not valid before 2027-01-30T12:00:00.000Z$/);
});

it('leaves one that is valid for days its time', () => {
  const { watching, lines } = watch(6, 6);
  watching.look(NOW_MS + 4 * DAY_MS);
  expect(lines).toEqual([]);
  watching.look(NOW_MS + 5 * DAY_MS);
  expect(lines).toHaveLength(1);
});

it('has nothing to say where there is none, or one that is renewed by itself', () => {
  const logger = createLogger({ level: 'silent' });
  for (const source of [undefined, {} as CertificateSource]) {
    const watching = new CertificateWatch(source, logger);
    watching.look(NOW_MS);
    expect(watching.trouble(NOW_MS)).toBeUndefined();
    watching.stop();
  }
});
