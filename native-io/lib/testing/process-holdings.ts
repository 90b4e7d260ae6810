/** What this process holds of the kernel, for tests that leave it as it was. Linux. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What its descriptors are, without their numbers, in order. */
export function heldDescriptors(): string[] {
  const held: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      held.push(readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, 'N'));
    } catch {
      // The one that read the folder.
    }
  }
  return held.sort();
}

/** KiB of its memory that the kernel has pinned for io_uring or AF_XDP. */
export function pinnedKiB(): number {
  return Number(/VmPin:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
