import { expect, test } from 'vitest';
import { AddressNumbers } from './address-numbers.ts';

const numbers = new AddressNumbers();

test('an IPv4 address is its own number, also in IPv6 form', () => {
  expect(numbers.numberOf('127.0.0.1')).toBe(0x7f000001);
  expect(numbers.numberOf('203.0.113.254')).toBe(0xcb0071fe);
  expect(numbers.numberOf('::ffff:203.0.113.254')).toBe(0xcb0071fe);
});

test('an IPv6 network of 64 bits has one number, however it is written', () => {
  const number = numbers.numberOf('2001:db8::1');
  expect(numbers.numberOf('2001:0DB8:0:0:ffff::2')).toBe(number);
  expect(numbers.numberOf('2001:db8::1%eth0')).toBe(number);
  expect(numbers.numberOf('2001:db8:0:1::1')).not.toBe(number);
});

test('the number of a network is another one in another process', () => {
  expect(new AddressNumbers().numberOf('2001:db8::1')).not.toBe(numbers.numberOf('2001:db8::1'));
});

test('remembers a bounded number of addresses', () => {
  for (let i = 0; i < 10_000; i++) numbers.numberOf(`10.${i >> 8}.${i & 255}.1`);
  expect(numbers.numberOf('127.0.0.1')).toBe(0x7f000001);
});
