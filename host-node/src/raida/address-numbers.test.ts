import { createHash } from 'node:crypto';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { expect, test } from 'vitest';
import { AddressNumbers, formatNumber } from './address-numbers.ts';

const hash = (network: Uint8Array) => createHash('md5').update(network).digest().readUInt32LE();
const numbers = new AddressNumbers(hash);

test('an IPv4 address is its own number, also in IPv6 form', () => {
  const local = { number: 0x7f000001, isIPv6: false };
  expect(numbers.of('127.0.0.1')).toEqual(local);
  expect(numbers.of('203.0.113.254')).toEqual({ number: 0xcb0071fe, isIPv6: false });
  expect(numbers.of('::ffff:203.0.113.254')).toEqual({ number: 0xcb0071fe, isIPv6: false });
  expect(formatNumber(0xcb0071fe, false)).toBe('203.0.113.254');
});

test('an IPv6 network of 64 bits has one number, however it is written', () => {
  const { number, isIPv6 } = numbers.of('2001:db8::1');
  expect(isIPv6).toBe(true);
  expect(number).toBe(hash(Buffer.from('20010db800000000', 'hex')));
  expect(numbers.networkOf(number)).toBe('2001:db8::1');
  expect(numbers.of('2001:0DB8:0:0:ffff::2').number).toBe(number);
  expect(numbers.of('2001:db8::1%eth0').number).toBe(number);
  expect(numbers.of('2001:db8:0:1::1').number).not.toBe(number);
  expect(numbers.of('64:ff9b:1:2:3:4:5.6.7.8').number).toBe(
    hash(Buffer.from('0064ff9b00010002', 'hex')),
  );
  expect(numbers.networkOf(number ^ 1)).toBeUndefined();
  expect(formatNumber(0xabc, true)).toBe('IPv6 network 00000abc');
});

test("the engine's hash is SipHash-2-4 under its key: the published vector", async () => {
  const engine = Engine.create({
    module: await plainEngine(),
    sizes: { pagesPerDenomination: 1 },
    identity: {
      ...{ raidaId: 0, coinId: 6, wire: 'spec', version: '20260101' },
      hashKey: Uint8Array.from({ length: 16 }, (_, i) => i),
    },
  });
  const at = engine.frames.take();
  engine.u8.set([0, 1, 2, 3, 4, 5, 6, 7], at);
  // Aumasson, Bernstein: SipHash-2-4 of 00 .. 07 under 00 .. 0f, 62 24 93 9a 79 f5 f5 93.
  expect(engine.exports.addressHash(at) >>> 0).toBe(0x9a932462);
});

test('remembers a bounded number of addresses', () => {
  for (let i = 0; i < 10_000; i++) numbers.of(`10.${i >> 8}.${i & 255}.1`);
  for (let i = 0; i < 10_000; i++) numbers.of(`2001:db8:${i.toString(16)}::1`);
  expect(numbers.of('127.0.0.1').number).toBe(0x7f000001);
});
