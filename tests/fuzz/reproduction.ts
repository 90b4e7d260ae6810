/** A failure as a file: what to run again, as JSON with the requests in hex. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Batch } from './round.ts';

interface Saved {
  seed: number;
  round: number;
  message: string;
  batches: { seed: number; inputs: { hex: string; flags: number; address: number }[] }[];
}

export interface Reproduction {
  seed: number;
  round: number;
  message: string;
  batches: Batch[];
}

export function save(path: string, { batches, ...rest }: Reproduction): void {
  const saved: Saved = {
    ...rest,
    batches: batches.map(({ seed, inputs }) => ({
      seed,
      inputs: inputs.map(({ bytes, flags, address }) => ({
        // What came from another thread is a plain Uint8Array.
        ...{ hex: Buffer.from(bytes).toString('hex'), flags, address },
      })),
    })),
  };
  writeFileSync(path, `${JSON.stringify(saved, null, 1)}\n`);
}

export function read(path: string): Reproduction {
  const { batches, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as Saved;
  return {
    ...rest,
    batches: batches.map(({ seed, inputs }) => ({
      seed,
      inputs: inputs.map(({ hex, ...how }) => ({ ...how, bytes: Buffer.from(hex, 'hex') })),
    })),
  };
}
