/** A process that takes a lock so many times, and tells whether it was ever in it with another. */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { TransferInUseError } from '../part-errors.ts';
import { PartLock } from '../part-lock.ts';

const [path = '', times] = process.argv.slice(2);
for (let held = 0; held < Number(times); ) {
  const lock = taken();
  if (!lock) continue;
  closeSync(openSync(`${path}.inside`, 'wx'));
  unlinkSync(`${path}.inside`);
  lock.release();
  held++;
}

function taken(): PartLock | undefined {
  try {
    return PartLock.take(path);
  } catch (error) {
    if (error instanceof TransferInUseError) return undefined;
    throw error;
  }
}
