import { describe, expect, it } from 'vitest';
import { casesHere, expectedReply, masked, toHex } from './vector-state.ts';
import { replay } from './vectors.ts';

describe('recorded cases of groups 0-2, straight through the engine', () => {
  for (const item of casesHere()) {
    it(item.name, async () => {
      const reply = await replay(item);
      const wanted = expectedReply(item);
      expect(reply && toHex(masked(reply, item.volatile))).toBe(
        wanted && toHex(masked(wanted, item.volatile)),
      );
    });
  }
});
