import { describe, expect, it } from 'vitest';
import { AuditQueue } from './audit-queue.ts';

describe('the queue of audit records', () => {
  it('gives back what was pushed and not dropped, over many blocks', () => {
    const queue = new AuditQueue();
    let expected: string[] = [];
    for (let i = 0; i < 3000; i++) {
      const text = JSON.stringify({ device: `d${i} \n ö \ud83d\ude00 \ud800`, i });
      queue.push(text);
      expected.push(text);
      if (i % 7 === 0) {
        queue.drop(3);
        expected = expected.slice(3);
      }
    }
    expect(queue.length).toBe(expected.length);
    expect(queue.texts()).toEqual(expected);
  });

  it('takes a record that is longer than a block', () => {
    const queue = new AuditQueue();
    const long = JSON.stringify({ reason: 'ö'.repeat(50_000) });
    queue.push('{"a":1}');
    queue.push(long);
    queue.push('{"a":2}');
    queue.drop(1);
    expect(queue.texts()).toEqual([long, '{"a":2}']);
  });

  it('is empty after clear, and after more was dropped than it has', () => {
    const queue = new AuditQueue();
    for (const empty of [() => queue.clear(), () => queue.drop(9)]) {
      queue.push('{}');
      empty();
      expect(queue.length).toBe(0);
      expect(queue.texts()).toEqual([]);
    }
    queue.push('{"last":true}');
    expect(queue.texts()).toEqual(['{"last":true}']);
  });
});
