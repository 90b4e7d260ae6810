import { describe, expect, it } from 'vitest';
import { networkOf, StrangerLimit } from './stranger-limit.ts';

describe('networkOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['test', 'test'],
  ])('of %s is %s', (address, network) => expect(networkOf(address)).toBe(network));
});

describe('the limit of strangers', () => {
  it('is half of all connections; the oldest goes', () => {
    const limit = new StrangerLimit<number>(6, 100);
    expect([0, 1, 2].map((one) => limit.add(one, `192.0.2.${one}`))).toEqual([
      ...[undefined, undefined, undefined],
    ]);
    expect(limit.add(3, '192.0.2.3')).toBe(0);
    limit.delete(2);
    expect(limit.add(4, '192.0.2.4')).toBeUndefined();
    expect(limit.add(5, '192.0.2.5')).toBe(1);
    expect(limit.size).toBe(3);
  });

  it.each([
    ['one address', '192.0.2.1', '::ffff:192.0.2.1', '192.0.2.2'],
    ['one /64', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'],
  ])('is so many of %s, of which the oldest goes', (_, one, same, other) => {
    const limit = new StrangerLimit<string>(100, 2);
    expect(limit.add('other', other)).toBeUndefined();
    expect(limit.add('a', one)).toBeUndefined();
    expect(limit.add('b', same)).toBeUndefined();
    expect(limit.add('c', one)).toBe('a');
    limit.delete('b');
    expect(limit.add('d', same)).toBeUndefined();
  });

  it('has no share for this machine, behind which a proxy has many', () => {
    const limit = new StrangerLimit<number>(100, 2);
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      for (let i = 0; i < 5; i++) expect(limit.add(Math.random(), address)).toBeUndefined();
    }
  });
});
