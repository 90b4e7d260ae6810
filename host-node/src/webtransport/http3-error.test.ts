import { expect, it } from 'vitest';
import { toApplicationCode, toHttp3Code } from './http3-error.ts';

// draft-ietf-webtrans-http3 section 4.3: the ends of the range, and both sides of a reserved code.
it.each([
  [0x0, 0x52e4a40fa8db],
  [0x1d, 0x52e4a40fa8f8],
  [0x1e, 0x52e4a40fa8fa],
  [0xffffffff, 0x52e5ac983162],
])('application code %d is 0x%s', (application, http3) => {
  expect(toHttp3Code(application)).toBe(http3);
  expect(toApplicationCode(http3)).toBe(application);
});

it('stands for nothing: outside the range, and reserved', () => {
  for (const code of [0x52e4a40fa8da, 0x52e5ac983163, 0x52e4a40fa8f9, 0x100, 0]) {
    expect(toApplicationCode(code)).toBeUndefined();
  }
});

it('each code has its own', () => {
  const codes = Array.from({ length: 2000 }, (_, code) => toHttp3Code(code));
  expect(new Set(codes).size).toBe(2000);
  expect(codes.map(toApplicationCode)).toEqual(codes.map((_, code) => code));
  expect(codes.every((code) => (code - 0x21) % 0x1f !== 0)).toBe(true);
});
