import { expect, test } from 'vitest';
import { BackendError, chooseBackends, framesFor } from './choose-backend.ts';

// With the addon or without: what holds of either.
test('auto always ends with portable, and says why nothing better comes first', () => {
  const choices = chooseBackends({ backend: 'auto' });
  expect(choices.at(-1)?.backend).toBe('portable');
  expect(choices.map(({ backend }) => backend)).not.toContain('af_xdp');
  expect(choices[0]?.better.length).toBeGreaterThan(0);
});

test('a backend that is named is the only one, or an error that says why', () => {
  expect(chooseBackends({ backend: 'portable' })).toEqual([{ backend: 'portable', better: [] }]);
  const named = () => chooseBackends({ backend: 'af_xdp' });
  expect(named).toThrow(BackendError);
  expect(named).toThrow(/^io.backend "af_xdp" cannot be used: ./);
});

test('no backend has more frames than an engine takes', () => {
  for (const backend of ['portable', 'mmsg', 'io_uring', 'af_xdp'] as const) {
    expect(framesFor(backend)).toBeGreaterThan(255);
    expect(framesFor(backend)).toBeLessThan(65_536 - 1024);
  }
});
