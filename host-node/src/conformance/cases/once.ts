/** Cases of one request and one outcome. */
import type { Conversation, Expected } from '../conversation.ts';

/** ASCII. */
export const text = (value: string) => Buffer.from(value, 'latin1');

/** Asks once, encrypted under the case's own coin. */
export function once(
  [group, command]: readonly [number, number],
  make: (talk: Conversation) => Uint8Array,
  expected: Expected,
) {
  return async (talk: Conversation): Promise<void> => {
    const request = { group, command, payload: make(talk), encryption: talk.sealed() };
    await talk.ask(request, expected);
  };
}
