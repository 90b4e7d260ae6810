import { newEntry, viewOf } from '@andvari/host-common/raida/wallet-entry';
import { describe, expect, it } from 'vitest';
import { CommandContext } from './command-context.ts';
import { reportCoins } from './wallet-report.ts';

function reported(outcome: string, lights: string): string {
  let out = '';
  const context = new CommandContext({
    stdout: { write: (text) => (out += text) },
    stderr: { write: () => true },
    env: {},
    signal: new AbortController().signal,
  });
  const authenticationNumbers = new Uint8Array(400);
  const entry = newEntry(1, { denomination: 0, serialNumber: 5, authenticationNumbers });
  const coin = viewOf({ ...entry, lights }, false);
  reportCoins([{ coin, outcome, file: 'x.bin' }], { json: false }, context);
  return out;
}

describe('reportCoins', () => {
  it('says fracked once, and of fracked coins only', () => {
    const some = `f${'p'.repeat(24)}`;
    expect(reported('fracked', some)).toMatch(/^fp{24} {2}fracked +1 {2}#5/);
    expect(reported('authentic', some)).toContain('authentic, fracked');
    expect(reported('authentic', 'p'.repeat(25))).not.toContain('fracked');
  });
});
