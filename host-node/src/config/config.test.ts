import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, effectiveConfig, type LoadConfigOptions, loadConfig } from './config.ts';

const keyHex = '00112233445566778899aabbccddeeff';
const otherHex = 'ffeeddccbbaa99887766554433221100';
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-config-'));
  path = join(folder, 'node.toml');
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(text: string, options: LoadConfigOptions = {}) {
  writeFileSync(path, text);
  return loadConfig({ path, ...options });
}

/** The problems of a configuration, with the folder cut off. */
function problems(text: string, options: LoadConfigOptions = {}): string[] {
  try {
    load(text, options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.code).toBe('ANDVARI_CONFIG');
    return error.problems.map((problem) => problem.replaceAll(`${folder}/`, ''));
  }
  return [];
}

const servers = (count: number) =>
  `[${Array.from({ length: count }, (_, i) => `"10.0.0.1:${5000 + i}"`).join(', ')}]`;

describe('sources', () => {
  test('defaults', () => {
    const config = load('[raida]\nnumber = 0\n');
    expect(config).toMatchObject({
      node: { dataDir: join(folder, 'data') },
      raida: {
        number: 0,
        listen: { host: '127.0.0.1', port: 50000 },
        wire: 'spec',
        modern: false,
        coinId: 6,
        pagesPerDenomination: 1000,
        adminKey: undefined,
        adminClear: false,
        servers: [],
        proxy: undefined,
        btcConfirmations: 2,
        integrityFreqS: 3600,
        lockerCoins: 131_072,
      },
      store: { url: 'sqlite:coins.db' },
      io: { backend: 'auto', workers: 0, busyPollUs: 0, sqpoll: false },
      http: { listen: { host: '127.0.0.1', port: 9090 }, allowedOrigins: [], allowedHosts: [] },
      log: { level: 'info' },
    });
  });

  test('flags go before environment, environment before file, file before defaults', () => {
    const text = '[raida]\nnumber = 1\ncoin_id = 1\nwire = "legacy"\n';
    const environment = { ANDVARI_RAIDA_NUMBER: '2', ANDVARI_RAIDA_COIN_ID: '2', OTHER: '9' };
    const config = load(text, {
      environment,
      flags: { 'raida.number': '3', 'log.level': undefined },
    });
    expect(config.raida).toMatchObject({ number: 3, coinId: 2, wire: 'legacy', modern: false });
    const sources = new Map(config.effective.map(({ key, source }) => [key, source]));
    expect(sources.get('raida.number')).toBe('--raida-number');
    expect(sources.get('raida.coin_id')).toBe('ANDVARI_RAIDA_COIN_ID');
    expect(sources.get('raida.wire')).toBe(`${path}:4`);
    expect(sources.get('raida.modern')).toBe('default');
  });

  test('every key can come from the environment, lists separated by commas', () => {
    const environment = {
      ANDVARI_RAIDA_NUMBER: '7',
      ANDVARI_RAIDA_MODERN: 'true',
      ANDVARI_HTTP_ALLOWED_HOSTS: 'a.example, b.example:80',
      ANDVARI_NODE_DATA_DIR: '/srv/andvari',
      ANDVARI_LOG_LEVEL: '',
    };
    const config = loadConfig({ environment });
    expect(config.raida).toMatchObject({ number: 7, modern: true });
    expect(config.http.allowedHosts).toEqual(['a.example', 'b.example:80']);
    expect(config.node.dataDir).toBe('/srv/andvari');
    expect(config.log.level).toBe('info');
  });

  test('a folder in the file counts from the file, one in a flag from here', () => {
    expect(load('raida.number = 1\nnode.data_dir = "d"').node.dataDir).toBe(join(folder, 'd'));
    const flags = { 'node.data_dir': 'd' } as const;
    expect(load('raida.number = 1', { flags }).node.dataDir).toBe(join(process.cwd(), 'd'));
  });
});

describe('[ratatoskr]', () => {
  const section = '[raida]\nnumber = 0\n[ratatoskr]\n';

  test('absent, or without what it needs, it is no endpoint', () => {
    expect(load('[raida]\nnumber = 0\n').ratatoskr).toBeUndefined();
    expect(problems(`${section}strict_shape = true\n`)).toEqual([
      'node.toml:4: ratatoskr.strict_shape: wanted ratatoskr.listen too',
    ]);
    const half = `${section}listen = "127.0.0.1:0"\ntls_key_file = "k"\n`;
    expect(problems(half)).toEqual([
      'node.toml:5: ratatoskr.tls_key_file: wanted ratatoskr.tls_cert_file too',
    ]);
  });

  test('files count from the file, and are below the data folder where nothing is said', () => {
    const text = `${section}listen = "127.0.0.1:0"\naudit_file = "a.log"\n`;
    expect(load(text).ratatoskr).toMatchObject({
      listen: { host: '127.0.0.1', port: 0 },
      auditFile: join(folder, 'a.log'),
      devicesFile: join(folder, 'data/ratatoskr/devices.json'),
      serverKeyFile: join(folder, 'data/ratatoskr/server-key'),
      ratePerMinute: 60,
      ratePerHour: 1000,
      maxConnections: 1000,
      skew: 0,
      demoServices: false,
    });
  });
});

describe('problems', () => {
  test('all are said at once, each with its place', () => {
    const text = '[raida]\nnumber = 25\nnumbr = 1\n\n[io]\nbackend = "xdp"\n[pear]\nx = 1\n';
    const options: LoadConfigOptions = {
      environment: { ANDVARI_HTTP_LISTEN: 'nowhere', ANDVARI_RAIDA_NUMBR: '1' },
      flags: { 'raida.coin_id': '1.5' },
    };
    expect(problems(text, options)).toEqual([
      'node.toml:3: raida.numbr: unknown key',
      'node.toml:7: pear: unknown section',
      'ANDVARI_RAIDA_NUMBR: unknown key',
      'node.toml:2: raida.number: wanted an integer 0-24, got 25',
      '--raida-coin-id: wanted an integer 0-65535, got "1.5"',
      'node.toml:6: io.backend: wanted "auto" or "portable" or "mmsg" or "io_uring" or "af_xdp", ' +
        'got "xdp"',
      'ANDVARI_HTTP_LISTEN: wanted HOST:PORT with a port 0-65535, got "nowhere"',
    ]);
  });

  test('an interface belongs to AF_XDP, and AF_XDP to an interface', () => {
    const raida = '[raida]\nnumber = 1\n[io]\n';
    expect(problems(`${raida}backend = "af_xdp"\n`)).toEqual([
      'node.toml:4: io.backend: wanted io.interface too',
    ]);
    expect(problems(`${raida}backend = "mmsg"\ninterface = "eth0"\nqueues = 2\n`)).toEqual([
      'node.toml:5: io.interface: only for io.backend "af_xdp" or "auto"',
      'node.toml:6: io.queues: only for io.backend "af_xdp" or "auto"',
    ]);
    const uring = 'busy_poll = 50\nsqpoll = true\n';
    expect(problems(`${raida}backend = "mmsg"\n${uring}`)).toEqual([
      'node.toml:5: io.busy_poll: only for io.backend "io_uring" or "auto"',
      'node.toml:6: io.sqpoll: only for io.backend "io_uring" or "auto"',
    ]);
    const off = 'busy_poll = 0\nsqpoll = false\n';
    expect(load(`${raida}backend = "mmsg"\n${off}`).io).toMatchObject({ backend: 'mmsg' });
    for (const backend of ['io_uring', 'auto']) {
      const { io } = load(`${raida}backend = "${backend}"\n${uring}`);
      expect(io).toMatchObject({ backend, busyPollUs: 50, sqpoll: true });
    }
    const config = load(`${raida}backend = "af_xdp"\ninterface = "eth0"\nqueues = 2\n`);
    expect(config.io).toMatchObject({ backend: 'af_xdp', interface: 'eth0', queues: 2 });
  });

  test('also that of transfer, and each interface has one program', () => {
    const transfer = '[raida]\nnumber = 1\n[transfer]\nlisten = "127.0.0.1:1"\n';
    expect(problems(`${transfer}backend = "af_xdp"\n`)).toEqual([
      'node.toml:5: transfer.backend: wanted transfer.interface too',
    ]);
    expect(problems(`${transfer}interface = "eth0"\nqueues = 2\n`)).toEqual([
      'node.toml:5: transfer.interface: only for transfer.backend "af_xdp"',
      'node.toml:6: transfer.queues: only for transfer.backend "af_xdp"',
    ]);
    const xdp = `${transfer}backend = "af_xdp"\ninterface = "eth0"\n`;
    const servers = '[io]\ninterface = "eth0"\n';
    expect(problems(`${xdp}${servers}`)).toEqual([
      'node.toml:6: transfer.interface: ' +
        'io.interface has it, and an interface takes one XDP program',
    ]);
    const own = { backend: 'af_xdp', interface: 'eth0', queues: undefined };
    expect(load(xdp).transfer).toMatchObject(own);
    expect(load(`${xdp}[io]\ninterface = "eth1"\n`).transfer).toMatchObject(own);
    expect(load(transfer).transfer).toMatchObject({ backend: 'auto', interface: undefined });
  });

  test('a file says numbers, truths and lists as TOML does; flags and variables are text', () => {
    const texts = ['[raida]', 'number = "3"', 'modern = "true"', 'servers = "a:1"'].join('\n');
    expect(problems(texts)).toEqual([
      'node.toml:2: raida.number: wanted an integer 0-24, got "3"',
      'node.toml:3: raida.modern: wanted true or false, got "true"',
      'node.toml:4: raida.servers: wanted a list of 25 texts HOST:PORT, or none, got "a:1"',
    ]);
    const environment = { ANDVARI_RAIDA_NUMBER: '3', ANDVARI_RAIDA_MODERN: 'true' };
    expect(loadConfig({ environment }).raida).toMatchObject({ number: 3, modern: true });
  });

  test('a section that is no table, and a list of tables', () => {
    expect(problems('raida = 1')).toContain('node.toml:1: raida: wanted a table [raida]');
    expect(problems('\n[[raida]]\nnumber = 1')).toContain(
      'node.toml:2: raida: wanted a table [raida]',
    );
  });

  test('what is no TOML, no text or not there', () => {
    expect(problems('[raida]\nnumber = = 1')[0]).toMatch(/^node\.toml:2: not TOML: /);
    expect(problems('[raida]\nnumber = 1\nnumber = 2')[0]).toMatch(/^node\.toml:3: not TOML: /);
    writeFileSync(path, Uint8Array.of(0xff, 0xfe));
    expect(() => loadConfig({ path })).toThrow('cannot be read');
    expect(() => loadConfig({ path: join(folder, 'none.toml') })).toThrow('cannot be read');
    const isFolder = `${folder}: cannot be read: it is a folder`;
    expect(() => loadConfig({ path: folder })).toThrow(isFolder);
    writeFileSync(path, 'raida.number = 1\nraida.admin_key_file = "."');
    const named = `raida.admin_key_file: ${folder}: it is a folder`;
    expect(() => loadConfig({ path })).toThrow(named);
  });
});

describe('the admin key', () => {
  const show = (config: ReturnType<typeof loadConfig>) =>
    [
      JSON.stringify(config),
      inspect(config, { depth: 9 }),
      effectiveConfig(config),
      `${config.raida?.adminKey}`,
    ].join();

  test('is taken from the file that is named, and shown nowhere', () => {
    writeFileSync(join(folder, 'key'), `${keyHex}\n`);
    const config = load('raida.number = 1\nraida.admin_key_file = "key"');
    expect(Buffer.from(config.raida?.adminKey?.reveal() ?? []).toString('hex')).toBe(keyHex);
    expect(show(config)).not.toMatch(/0011223344|17,34,51/);
    const direct = load(`raida.number = 1\nraida.admin_key = "${keyHex.toUpperCase()}"`);
    expect(Buffer.from(direct.raida?.adminKey?.reveal() ?? []).toString('hex')).toBe(keyHex);
    expect(show(direct)).not.toMatch(/0011223344|17,34,51/);
    expect(show(direct)).toContain('admin_key = (set)');
  });

  test('the stronger source wins; one source cannot name two', () => {
    writeFileSync(join(folder, 'key'), keyHex);
    const text = 'raida.number = 1\nraida.admin_key_file = "key"\n';
    const environment = { ANDVARI_RAIDA_ADMIN_KEY: otherHex };
    const first = load(text, { environment }).raida?.adminKey?.reveal();
    expect(Buffer.from(first ?? []).toString('hex')).toBe(otherHex);
    const flags = { 'raida.admin_key_file': join(folder, 'key') } as const;
    const second = load(text, { environment, flags }).raida?.adminKey?.reveal();
    expect(Buffer.from(second ?? []).toString('hex')).toBe(keyHex);
    expect(problems(`${text}raida.admin_key = "${keyHex}"`)).toEqual([
      'node.toml:2: raida.admin_key_file: wanted it or raida.admin_key, got both',
    ]);
  });

  test('a file that is not there or holds something else', () => {
    const text = 'raida.number = 1\nraida.admin_key_file = "key"';
    expect(problems(text)[0]).toContain('node.toml:2: raida.admin_key_file: key: ENOENT');
    writeFileSync(join(folder, 'key'), 'swordfish');
    expect(problems(text)).toEqual([
      'node.toml:2: raida.admin_key_file: key: ' +
        'wanted 32 hex digits, got something else (not shown)',
    ]);
  });
});

test('the keys of single groups of commands', () => {
  const text =
    'raida.number = 1\nraida.btc_confirmations = 6\n' +
    `raida.integrity_freq = 60\nraida.locker_coins = 2048\nraida.proxy_port = 7\n` +
    `raida.proxy_addr = "::1"\nraida.proxy_key = "${keyHex}"`;
  expect(load(text).raida).toMatchObject({
    ...{ btcConfirmations: 6, integrityFreqS: 60, lockerCoins: 2048 },
    proxy: { host: '::1', port: 7 },
  });
});

describe('the proxy', () => {
  const proxy = 'raida.number = 1\nraida.proxy_addr = "swap.example"\n';

  test('has an address, a port and a key that is shown nowhere', () => {
    writeFileSync(join(folder, 'key'), `${keyHex}\n`);
    for (const key of [`raida.proxy_key = "${keyHex}"`, 'raida.proxy_key_file = "key"']) {
      const config = load(proxy + key);
      expect(config.raida?.proxy).toMatchObject({ host: 'swap.example', port: 50_000 });
      const revealed = config.raida?.proxy?.key.reveal() ?? [];
      expect(Buffer.from(revealed).toString('hex')).toBe(keyHex);
      const shown = [
        JSON.stringify(config),
        inspect(config, { depth: 9 }),
        effectiveConfig(config),
      ];
      expect(shown.join()).not.toMatch(/0011223344|17, ?34, ?51/);
    }
    const printed = effectiveConfig(load(`${proxy}raida.proxy_key = "${keyHex}"`));
    expect(printed).toMatch(/# proxy_key = \(set\) +# .*node\.toml:3\n/);
    expect(printed).toMatch(/proxy_addr = "swap\.example" +# .*node\.toml:2\n/);
  });

  test('is none without an address and a key, and half of one is a mistake', () => {
    expect(load('raida.number = 1').raida?.proxy).toBeUndefined();
    expect(problems(proxy)).toEqual([
      'node.toml:2: raida.proxy_addr: wanted raida.proxy_key or its file too',
    ]);
    expect(problems(`raida.number = 1\nraida.proxy_key = "${keyHex}"`)).toEqual([
      'node.toml:2: raida.proxy_key: wanted raida.proxy_addr too',
    ]);
    const environment = { ANDVARI_RAIDA_PROXY_KEY: 'swordfish' };
    expect(problems(proxy, { environment })).toEqual([
      'ANDVARI_RAIDA_PROXY_KEY: wanted 32 hex digits, got something else (not shown)',
    ]);
  });

  test('one source cannot name two keys; the stronger one wins', () => {
    const both = `${proxy}raida.proxy_key = "${keyHex}"\nraida.proxy_key_file = "key"`;
    expect(problems(both)).toEqual([
      'node.toml:4: raida.proxy_key_file: wanted it or raida.proxy_key, got both',
    ]);
    const environment = { ANDVARI_RAIDA_PROXY_KEY: otherHex };
    const { raida } = load(`${proxy}raida.proxy_key_file = "key"`, { environment });
    expect(Buffer.from(raida?.proxy?.key.reveal() ?? []).toString('hex')).toBe(otherHex);
  });
});

test('the effective configuration is a configuration', () => {
  const text = `[raida]\nnumber = 4\nservers = ${servers(25)}\nlisten = "[::1]:7"\n`;
  const config = load(text, { flags: { 'log.level': 'debug' } });
  const printed = effectiveConfig(config);
  expect(printed).toContain('number = 4');
  expect(printed).toMatch(/level = "debug" +# --log-level\n/);
  expect(printed).toMatch(/# admin_key = \(not set\) +# default\n/);
  expect(printed).toMatch(/coin_id = 6 +# default\n/);
  const again = load(printed);
  expect({ ...again, effective: [] }).toEqual({ ...config, effective: [] });
});

test('keys of [transfer] want transfer.listen; without any there is no node', () => {
  expect(load('raida.number = 1\n').transfer).toBeUndefined();
  const alone = 'raida.number = 1\ntransfer.folder = "in"\n';
  expect(() => load(alone)).toThrow(/:2: transfer.folder: wanted transfer.listen too$/);
  const { transfer } = load(`${alone}transfer.listen = "127.0.0.1:8420"\n`);
  expect(transfer?.folder).toMatch(/^\/.*\/in$/);
});

test('keys of [peer] want peer.listen; its files are in the data folder', () => {
  expect(load('raida.number = 1\n').peer).toBeUndefined();
  const alone = 'raida.number = 1\npeer.ban_file = "bans"\n';
  expect(() => load(alone)).toThrow(/:2: peer.ban_file: wanted peer.listen too$/);
  expect(load(`${alone}peer.listen = "127.0.0.1:4001"\n`).peer).toEqual({
    listen: { host: '127.0.0.1', port: 4001 },
    websocketListen: undefined,
    networkName: 'andvari',
    instanceId: 'main',
    folder: join(folder, 'data/peer'),
    whitelistFile: join(folder, 'data/peer/whitelist'),
    keyFile: join(folder, 'data/peer/instance.key'),
    banFile: join(folder, 'bans'),
    controlSocket: undefined,
    targetPeers: 25,
    requests: 100,
    broadcasts: 100,
    mdns: false,
    connect: [],
  });
});
