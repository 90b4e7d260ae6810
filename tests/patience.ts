/**
 * For every test: how long is waited for something ends only a hang. A busy machine may take longer
 * than the second that vitest waits where nothing is said.
 */
import { vi } from 'vitest';

const PATIENCE = { timeout: 60_000, interval: 5 };
const { waitFor, waitUntil } = vi;

const patient = (options: Parameters<typeof waitFor>[1]) =>
  typeof options === 'number' ? { ...PATIENCE, timeout: options } : { ...PATIENCE, ...options };

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));
