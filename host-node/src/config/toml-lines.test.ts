import fc from 'fast-check';
import { parse } from 'smol-toml';
import { expect, test } from 'vitest';
import { tomlLines } from './toml-lines.ts';

/** Every path of a parsed document. */
function pathsOf(document: object, before = ''): string[] {
  return Object.entries(document).flatMap(([name, value]) => {
    const path = before + name;
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isTable ? [path, ...pathsOf(value, `${path}.`)] : [path];
  });
}

test.each([
  ['[raida]\nnumber = 3\n', 'raida.number', 2],
  ['\n\n  [ raida ]  # a comment = no key\r\n\r\n number=3', 'raida.number', 5],
  ['raida.number = 3', 'raida.number', 1],
  ['raida . "number" = 3', 'raida.number', 1],
  ['["raida"]\n\'number\' = 3', 'raida.number', 2],
  ['raida = { wire = "spec", number = 3 }', 'raida.number', 1],
  ['raida = {\n  wire = "s}pe,c",\n  number = 3,\n}', 'raida.number', 3],
  ['[log]\nlevel = """\n[raida]\nnumber = 1\n"""\n[raida]\nnumber = 2', 'raida.number', 7],
  ["[log]\nlevel = '''\n[raida]\nnumber = 1'''\n[raida]\nnumber = 2", 'raida.number', 6],
  ['[log]\nlevel = "\\"#[raida]"\n[raida]\nnumber = 2', 'raida.number', 4],
  [
    '[raida]\nservers = [ # [raida]\n "a", # number = 1\n "]", "b" ]\nnumber = 2',
    'raida.number',
    5,
  ],
  ['[raida]\nservers = [[1, [2]], { number = 9 }]\nnumber = 2', 'raida.number', 3],
  ['[raida]\nmodern = true#x\nnumber = 2', 'raida.number', 3],
  ['[raida]\n[raida.number]\n', 'raida.number', 2],
])('%j: %s stands in line %d', (text, key, line) => {
  expect(tomlLines(text).get(key)).toBe(line);
});

test('a key that is not there has no line', () => {
  expect(tomlLines('[raida]\nnumber = 1').get('raida.wire')).toBeUndefined();
  expect(tomlLines('# raida.wire = 1').size).toBe(0);
});

const name = fc.constantFrom('a', 'b', 'raida', 'x-1', '9');
const scalar = fc.oneof(
  fc.integer().map(String),
  fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    "'#[x]'",
    '"""\n[a]\nb = 1"""',
    "'''\nq = 2\n'''",
    'true',
    '1979-05-27T07:32:00Z',
  ),
);
const value = fc.oneof(
  scalar,
  fc.array(scalar).map((parts) => `[\n${parts.join(', # c ]\n')} ]`),
  fc.tuple(name, scalar).map(([key, text]) => `{ ${key} = ${text} }`),
);
const line = fc.oneof(
  fc.tuple(name, value).map(([key, text]) => `${key} = ${text}`),
  fc.tuple(name, name, value).map(([one, two, text]) => `${one}.${two} = ${text} # end`),
  fc.tuple(name, name).map(([one, two]) => `[${one}.${two}]`),
  name.map((one) => `[${one}]`),
  fc.constantFrom('', '# [a]', '   '),
);

test('every key of a document has a line, and its name stands there', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (parts) => {
      const text = parts.join('\n');
      let document: object;
      try {
        document = parse(text);
      } catch {
        return;
      }
      const lines = tomlLines(text);
      const rows = text.split('\n');
      const paths = pathsOf(document);
      for (const path of paths) {
        const row = rows[(lines.get(path) ?? 0) - 1];
        expect(row, path).toContain(path.split('.').at(-1));
      }
    }),
    { numRuns: 2000 },
  );
});

test('any text ends', () => {
  fc.assert(fc.property(fc.string(), (text) => void tomlLines(text)));
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('[', ']', '{', '}', '=', '"', "'", '.', 'a', '\n', ',', '\\')),
      (marks) => void tomlLines(marks.join('')),
    ),
    { numRuns: 2000 },
  );
});
