import { describe, expect, it } from 'vitest';
import { ipBytes, ipText } from './ip-address.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('IP addresses as bytes', () => {
  it.each([
    ['0.0.0.0', '00000000', '0.0.0.0'],
    ['192.0.2.33', 'c0000221', '192.0.2.33'],
    ['::', '00'.repeat(16), '::'],
    ['::1', `${'00'.repeat(15)}01`, '::1'],
    ['2001:DB8::a:0:0:1', '20010db800000000000a000000000001', '2001:db8::a:0:0:1'],
    ['2001:db8:0:0:1::', '20010db8000000000001000000000000', '2001:db8:0:0:1::'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001', 'fe80::1'],
    ['::ffff:192.0.2.33', '00000000000000000000ffffc0000221', '::ffff:c000:221'],
  ])('%s', (text, bytes, canonical) => {
    expect(hex(ipBytes(text))).toBe(bytes);
    expect(ipText(ipBytes(text))).toBe(canonical);
  });

  it.each(['', 'localhost', '192.0.2', '192.0.2.256', '1.2.3.4.5', '2001:db8', ':::', '[::1]'])(
    'refuses %j',
    (text) => {
      expect(() => ipBytes(text)).toThrow(RangeError);
    },
  );
});
