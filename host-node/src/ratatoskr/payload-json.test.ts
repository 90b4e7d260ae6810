import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';
import { JsonLimitError, parsePayload } from './payload-json.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parsePayload(bytes(text));
/** So many numbers in one array, which is a value too. */
const numbers = (count: number) => `[${Array.from({ length: count }, () => '0').join()}]`;
const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`;

/** The values of JSON, one by one. */
function valuesOf(json: unknown): number {
  if (typeof json !== 'object' || json === null) return 1;
  return Object.values(json).reduce((sum: number, value) => sum + valuesOf(value), 1);
}

describe('a payload as JSON', () => {
  it.each([
    ['an object', '{"request_type":"a"}', { request_type: 'a' }],
    ['white space, and a byte order mark', '\ufeff \n[1]', [1]],
    ['a string', '"[[["', '[[['],
    ['none', 'request', undefined],
    ['empty', '', undefined],
    ['cut off', '{"a":', undefined],
    ['closed too often', ']]]]', undefined],
    ['a string without its end', '["\\', undefined],
  ])('is what it is: %s', (_, text, json) => {
    expect(parse(text)).toEqual(json);
  });

  it('has so many values, and not one more', () => {
    expect(parse(numbers(JSON_VALUES_MAX - 1))).toHaveLength(JSON_VALUES_MAX - 1);
    expect(() => parse(numbers(JSON_VALUES_MAX))).toThrow(JsonLimitError);
    const properties = numbers(JSON_VALUES_MAX - 1).replaceAll('0', '{"a":0}');
    expect(() => parse(properties)).toThrow(JsonLimitError);
    for (const empty of ['{}', '[]', '[ \n]']) {
      const most = numbers(JSON_VALUES_MAX - 1).replaceAll('0', empty);
      expect(parse(most)).toHaveLength(JSON_VALUES_MAX - 1);
      expect(() => parse(most.replace(empty, `${empty},${empty}`))).toThrow(JsonLimitError);
    }
  });

  it('is so deep, and no deeper', () => {
    expect(parse(nested(JSON_DEPTH_MAX))).toHaveLength(1);
    expect(() => parse(nested(JSON_DEPTH_MAX + 1))).toThrow(JsonLimitError);
    const objects = `${'{"a":'.repeat(JSON_DEPTH_MAX + 1)}1${'}'.repeat(JSON_DEPTH_MAX + 1)}`;
    expect(() => parse(objects)).toThrow(JsonLimitError);
    // One beside the other is not deep.
    expect(parse(`[${Array.from({ length: 1000 }, () => nested(10)).join()}]`)).toHaveLength(1000);
  });

  it('may have as many brackets and commas in its strings as it likes', () => {
    const text = '[{,"\\'.repeat(20_000);
    expect(parse(JSON.stringify({ [text]: text }))).toEqual({ [text]: text });
  });

  it('is none when it is no text, or begins otherwise, however many commas it has', () => {
    const binary = new Uint8Array(1_048_576).fill(0x5b);
    expect(() => parsePayload(binary)).toThrow(JsonLimitError);
    binary[binary.length - 1] = 0xff;
    expect(parsePayload(binary)).toBeUndefined();
    expect(parse(numbers(JSON_VALUES_MAX).slice(1, -1))).toBeUndefined();
    expect(() => parse(`\ufeff \n${numbers(JSON_VALUES_MAX)}`)).toThrow(JsonLimitError);
  });

  it('is counted as it is parsed', () => {
    const fills = (json: unknown) => JSON_VALUES_MAX - valuesOf(json) - 1;
    const some = fc.json({ maxDepth: 8 }).map((text) => JSON.parse(text) as unknown);
    fc.assert(
      fc.property(some, (json) => {
        const rest = numbers(fills(json) - 1).slice(1, -1);
        const text = `[${JSON.stringify(json)},${rest}]`;
        expect(valuesOf(JSON.parse(text))).toBe(JSON_VALUES_MAX - 1);
        expect(parse(text)).toEqual(JSON.parse(text));
        expect(() => parse(`[${JSON.stringify(json)},${rest},0,0]`)).toThrow(JsonLimitError);
      }),
      { numRuns: 30 },
    );
  });
});
