/** What a reply may say. */
import { statusName } from '@andvari/host-common/engine/generated/status';

/** Is the status one of the list, or one that this command ("group/number") may pass on? */
export function isKnown(command: string, status: number): boolean {
  // Crossover commands and 8/87 pass on what the proxy says.
  const passesOn = command.startsWith('11/') || command === '8/87';
  return status < 256 && (passesOn || !statusName(status).startsWith('status'));
}
