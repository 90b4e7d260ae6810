// A configuration without a RAIDA server: what else is served, and what wants one.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { ConfigError, effectiveConfig, loadConfig } from './config.ts';

const folder = folderForTests('raida-config');

function load(text: string) {
  writeFileSync(folder.at('node.toml'), text);
  return loadConfig({ path: folder.at('node.toml') });
}

/** What is wrong, with its codes; the folder is cut off. */
function problems(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.found.map(({ code }, index) =>
      `${error.problems[index]} (${code})`.replaceAll(`${folder.path}/`, ''),
    );
  }
  return [];
}

test('nothing to serve', () => {
  const reason =
    'nothing to serve: wanted raida.number, or listen in [ratatoskr], [transfer] or [peer]';
  for (const text of ['', '[raida]\nmodern = false', 'log.level = "warn"\nnode.data_dir = "d"']) {
    expect(problems(text)).toEqual([`node.toml: ${reason} (ANDVARI_CONFIG_NOTHING)`]);
  }
  expect(() => loadConfig({})).toThrow(`no configuration file (--config FILE): ${reason}`);
});

const listens = ['ratatoskr', 'transfer', 'peer'].map((name) => [
  name,
  `${name}.listen = "127.0.0.1:0"\n`,
]);

test.each(listens)('%s alone is served, and shown as it is', (name, listen) => {
  const config = load(listen as string);
  expect(config.raida).toBeUndefined();
  expect(config).toHaveProperty([name as string, 'listen'], { host: '127.0.0.1', port: 0 });
  expect(load(effectiveConfig(config)).raida).toBeUndefined();
  expect(load(`${listen}[raida]\nlisten = "127.0.0.1:50000"`).raida).toBeUndefined();
});

test.each([
  ['raida.listen', '"127.0.0.1:50001"'],
  ['raida.wire', '"legacy"'],
  ['store.url', '"memory:"'],
  ['io.workers', '1'],
  ['http.allowed_origins', '["https://a.example"]'],
])('%s has nobody who takes it', (key, value) => {
  const reason = 'only a RAIDA server takes it: wanted raida.number (--raida-number) too';
  const line = `${key} = ${value}\n`;
  const transfer = 'transfer.listen = "127.0.0.1:0"\n';
  for (const text of [line, `${line}${transfer}`]) {
    expect(problems(text)).toEqual([`node.toml:1: ${key}: ${reason} (ANDVARI_CONFIG_MISSING)`]);
  }
  expect(load(`raida.number = 0\n${line}${transfer}`).raida?.number).toBe(0);
});

test('a number that is none is said to be, and no more', () => {
  expect(problems('raida.number = 25\nstore.url = "memory:"')).toEqual([
    'node.toml:1: raida.number: wanted an integer 0-24, got 25 (ANDVARI_CONFIG_VALUE)',
  ]);
});
