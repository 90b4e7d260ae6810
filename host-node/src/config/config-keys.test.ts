import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peerIdOfKey, peerIdText } from '@andvari/host-common/peer/peer-id';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';
import { type ConfigKey, configKeys } from './config-keys.ts';

const keyHex = '00112233445566778899aabbccddeeff';
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-config-keys-'));
  path = join(folder, 'node.toml');
});
afterEach(() => rmSync(folder, { recursive: true }));

const servers = (count: number) =>
  `[${Array.from({ length: count }, (_, i) => `"10.0.0.1:${5000 + i}"`).join(', ')}]`;

/** Key, a value that is taken, what it becomes, then values that are not and what is said. */
type Case = [ConfigKey, string, unknown, ...[string, string][]];
const ports = 'wanted HOST:PORT with a port 0-65535';
const part = 'wanted 1 to 48 letters, digits and ._-';
const multiaddr = 'wanted a multiaddr like "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW..."';
const peerId = peerIdText(peerIdOfKey(new Uint8Array(32).fill(7)));
const peerAddress = `/ip4/192.0.2.7/tcp/4001/p2p/${peerId}`;
const aRelay = 'wanted the address of a relay like "wss://relay.example/relay"';
const cases: Case[] = [
  [
    'raida.number',
    '24',
    24,
    ['25', 'wanted an integer 0-24, got 25'],
    ['-1', 'wanted an integer 0-24, got -1'],
    ['1.0', 'wanted an integer 0-24, got 1.0'],
    ['"x"', 'wanted an integer 0-24, got "x"'],
    ['true', 'wanted an integer 0-24, got true'],
    ['[1]', 'wanted an integer 0-24, got a list'],
    ['{ a = 1 }', 'wanted an integer 0-24, got a table'],
    ['9007199254740993', 'wanted an integer 0-24, got 9007199254740993'],
  ],
  [
    'raida.listen',
    '"[::1]:0"',
    { host: '::1', port: 0 },
    ['"127.0.0.1"', `${ports}, got "127.0.0.1"`],
    ['"127.0.0.1:65536"', `${ports}, got "127.0.0.1:65536"`],
    ['"::1:50000"', `${ports}, got "::1:50000"`],
    ['"[::1::]:5"', `${ports}, got "[::1::]:5"`],
    ['50000', `${ports}, got 50000`],
  ],
  ['raida.wire', '"legacy"', 'legacy', ['"SPEC"', 'wanted "spec" or "legacy", got "SPEC"']],
  ['raida.modern', 'true', true, ['1', 'wanted true or false, got 1']],
  ['raida.coin_id', '65535', 65535, ['65536', 'wanted an integer 0-65535, got 65536']],
  [
    'raida.pages_per_denomination',
    '1024',
    1024,
    ['0', 'wanted an integer 1-1024, got 0'],
    ['1025', 'wanted an integer 1-1024, got 1025'],
  ],
  ['raida.admin_clear', 'true', true, ['"yes"', 'wanted true or false, got "yes"']],
  ['raida.open_key_records', 'true', true, ['1', 'wanted true or false, got 1']],
  [
    'raida.servers',
    servers(25),
    Array.from({ length: 25 }, (_, i) => ({ host: '10.0.0.1', port: 5000 + i })),
    [servers(24), 'wanted a list of 25 texts HOST:PORT, or none, got 24'],
    [servers(26), 'wanted a list of 25 texts HOST:PORT, or none, got 26'],
    ['["a:0"]', 'entry 0: wanted HOST:PORT with a port 1-65535, got "a:0"'],
    ['3', 'wanted a list of 25 texts HOST:PORT, or none, got 3'],
  ],
  [
    'store.url',
    '"memory:"',
    'memory:',
    ['"postgres://u:secret@h/db"', 'this build has no PostgreSQL store, got "postgres://..."'],
    ['"coins.db"', 'wanted "sqlite:FILE" or "memory:", got "coins.db"'],
    ['"sqlite:"', 'wanted "sqlite:FILE" or "memory:", got "sqlite:"'],
    ['"sqlite::memory:"', 'wanted "sqlite:FILE" or "memory:", got "sqlite::memory:"'],
    ['"fault:x"', 'wanted "sqlite:FILE" or "memory:", got "fault:x"'],
    ['5', 'wanted "sqlite:FILE" or "memory:", got 5'],
  ],
  [
    'io.backend',
    '"portable"',
    'portable',
    ['"fast"', 'wanted "auto" or "portable" or "mmsg" or "io_uring" or "af_xdp", got "fast"'],
  ],
  ['io.workers', '15', 15, ['16', 'wanted an integer 0-15, got 16']],
  ['io.busy_poll', '50', undefined, ['10001', 'wanted an integer 0-10000, got 10001']],
  ['io.sqpoll', 'true', true, ['1', 'wanted true or false, got 1']],
  [
    'io.interface',
    '"eth0"',
    undefined,
    ['"a/b"', 'wanted the name of a network interface, got "a/b"'],
    ['"sixteen-letters!"', 'wanted the name of a network interface, got "sixteen-letters!"'],
  ],
  ['io.queues', '4', undefined, ['0', 'wanted an integer 1-15, got 0']],
  [
    'http.listen',
    '"localhost:9090"',
    { host: 'localhost', port: 9090 },
    ['""', `${ports}, got ""`],
  ],
  [
    'http.allowed_origins',
    '["https://wallet.example", "http://127.0.0.1:8080"]',
    ['https://wallet.example', 'http://127.0.0.1:8080'],
    ['["https://wallet.example/"]', expectOrigin('https://wallet.example/')],
    ['["https://Wallet.example"]', expectOrigin('https://Wallet.example')],
    ['["*"]', expectOrigin('*')],
    ['["null"]', expectOrigin('null')],
    ['["ftp://x"]', expectOrigin('ftp://x')],
  ],
  [
    'http.allowed_hosts',
    '["wallet.example", "[::1]:8080"]',
    ['wallet.example', '[::1]:8080'],
    ['["*.example"]', expectHost('*.example')],
    ['["A"]', expectHost('A')],
    ['["a:b"]', expectHost('a:b')],
  ],
  [
    'log.level',
    '"debug"',
    'debug',
    ['"loud"', 'wanted "fatal" or "error" or "warn" or "info" or "debug" or "trace", got "loud"'],
  ],
  [
    'node.data_dir',
    '"elsewhere"',
    undefined,
    ['""', 'wanted a folder, got ""'],
    ['1', 'wanted a folder, got 1'],
  ],
  [
    'raida.proxy_addr',
    '"::1"',
    undefined,
    [
      '"swap.example:50000"',
      'wanted an address or a name, without a port, got "swap.example:50000"',
    ],
    ['"[::1]"', 'wanted an address or a name, without a port, got "[::1]"'],
    ['""', 'wanted an address or a name, without a port, got ""'],
    ['1', 'wanted an address or a name, without a port, got 1'],
  ],
  [
    'raida.proxy_port',
    '65535',
    undefined,
    ['0', 'wanted an integer 1-65535, got 0'],
    ['65536', 'wanted an integer 1-65535, got 65536'],
  ],
  [
    'raida.btc_confirmations',
    '255',
    255,
    ['0', 'wanted an integer 1-255, got 0'],
    ['256', 'wanted an integer 1-255, got 256'],
  ],
  [
    'raida.integrity_freq',
    '1',
    undefined,
    ['0', 'wanted an integer 1-86400, got 0'],
    ['86401', 'wanted an integer 1-86400, got 86401'],
  ],
  [
    'raida.locker_coins',
    '1048576',
    1_048_576,
    ['1048575', 'wanted a power of two 1024-1048576, got 1048575'],
    ['512', 'wanted a power of two 1024-1048576, got 512'],
    ['2097152', 'wanted a power of two 1024-1048576, got 2097152'],
    ['"x"', 'wanted a power of two 1024-1048576, got "x"'],
  ],
  ['raida.admin_key_file', '"key"', undefined, ['""', 'wanted a file, got ""']],
  ['raida.proxy_key_file', '"key"', undefined, ['""', 'wanted a file, got ""']],
  [
    'raida.proxy_key',
    `"${keyHex}"`,
    undefined,
    [`"${keyHex}0"`, 'wanted 32 hex digits, got something else (not shown)'],
    ['5', 'wanted 32 hex digits, got something else (not shown)'],
  ],
  [
    'raida.admin_key',
    `"${keyHex}"`,
    undefined,
    [`"${keyHex}0"`, 'wanted 32 hex digits, got something else (not shown)'],
    [`"${keyHex.slice(1)}"`, 'wanted 32 hex digits, got something else (not shown)'],
    ['5', 'wanted 32 hex digits, got something else (not shown)'],
  ],
];

const file: [string, string] = ['""', 'wanted a file, got ""'];
const truth: [string, string] = ['1', 'wanted true or false, got 1'];
cases.push(
  [
    'ratatoskr.listen',
    '"127.0.0.1:50062"',
    { host: '127.0.0.1', port: 50062 },
    ['"127.0.0.1"', `${ports}, got "127.0.0.1"`],
  ],
  [
    'ratatoskr.allowed_origins',
    '["https://wallet.example"]',
    ['https://wallet.example'],
    ['["*"]', expectOrigin('*')],
  ],
  [
    'ratatoskr.allowed_hosts',
    '["wallet.example", "wallet.example:50062"]',
    ['wallet.example', 'wallet.example:50062'],
    ['["*.example"]', expectHost('*.example')],
  ],
  ['ratatoskr.tls_cert_file', '"cert.pem"', undefined, file],
  ['ratatoskr.tls_key_file', '"key.pem"', undefined, file],
  ['ratatoskr.allow_plain', 'true', true, truth],
  ['ratatoskr.webtransport', 'true', true, truth],
  ['ratatoskr.devices_file', '"devices.json"', undefined, file],
  ['ratatoskr.server_key_file', '"server-key"', undefined, file],
  ['ratatoskr.audit_file', '"audit.log"', undefined, file],
  [
    'ratatoskr.rate_per_minute',
    '600',
    600,
    ['0', 'wanted an integer 1-1000000, got 0'],
    ['1000001', 'wanted an integer 1-1000000, got 1000001'],
  ],
  ['ratatoskr.rate_per_hour', '6000', 6000, ['0', 'wanted an integer 1-60000000, got 0']],
  ['ratatoskr.connection_rate', '50', 50, ['0', 'wanted an integer 1-100000, got 0']],
  ['ratatoskr.max_connections', '10', 10, ['100001', 'wanted an integer 1-100000, got 100001']],
  [
    'ratatoskr.skew',
    '3600',
    3600,
    ['-1', 'wanted an integer 0-3600, got -1'],
    ['3601', 'wanted an integer 0-3600, got 3601'],
    ['0.5', 'wanted an integer 0-3600, got 0.5'],
  ],
  ['ratatoskr.strict_shape', 'true', true, truth],
  ['ratatoskr.require_v2', 'true', true, truth],
  ['ratatoskr.demo_services', 'true', true, truth],
  [
    'transfer.listen',
    '"127.0.0.1:8420"',
    { host: '127.0.0.1', port: 8420 },
    ['8420', `${ports}, got 8420`],
  ],
  ['transfer.folder', '"in"', undefined, ['""', 'wanted a folder, got ""']],
  ['transfer.identity_file', '"identity.key"', undefined, file],
  ['transfer.trusted_peers_file', '"known_peers"', undefined, file],
  ['transfer.control_socket', '"control.sock"', undefined, ['""', 'wanted a socket, got ""']],
  ['transfer.max_transfers', '64', 64, ['1001', 'wanted an integer 1-1000, got 1001']],
  [
    'transfer.relay',
    '"wss://relay.example/relay"',
    'wss://relay.example/relay',
    ['"https://relay.example"', `${aRelay}, got "https://relay.example"`],
    ['8443', `${aRelay}, got 8443`],
  ],
  ['transfer.upgrade', 'false', false, truth],
  [
    'transfer.stun',
    '["stun.example:3478", "[::1]:9"]',
    [
      { host: 'stun.example', port: 3478 },
      { host: '::1', port: 9 },
    ],
    ['["stun.example"]', 'entry 0: wanted HOST:PORT with a port 1-65535, got "stun.example"'],
    ['["a:1", "a:1", "a:1", "a:1", "a:1"]', 'wanted a list of at most 4 texts HOST:PORT, got 5'],
  ],
  [
    'transfer.backend',
    '"mmsg"',
    'mmsg',
    ['"io_uring"', 'wanted "auto" or "portable" or "mmsg" or "af_xdp", got "io_uring"'],
  ],
  [
    'transfer.interface',
    '"eth0"',
    'eth0',
    ['"a/b"', 'wanted the name of a network interface, got "a/b"'],
  ],
  ['transfer.queues', '4', 4, ['65', 'wanted an integer 1-64, got 65']],
  [
    'peer.listen',
    '"[::1]:4001"',
    { host: '::1', port: 4001 },
    ['4001', `${ports}, got 4001`],
    ['"host:1"', 'wanted ADDRESS:PORT, the address without a name, got "host:1"'],
  ],
  [
    'peer.websocket_listen',
    '"127.0.0.1:4002"',
    { host: '127.0.0.1', port: 4002 },
    ['"host:1"', 'wanted ADDRESS:PORT, the address without a name, got "host:1"'],
  ],
  ['peer.network_name', '"test-1.net"', 'test-1.net', ['"a/b"', `${part}, got "a/b"`]],
  ['peer.instance_id', '"7"', '7', ['""', `${part}, got ""`]],
  ['peer.whitelist_file', '"whitelist"', undefined, file],
  ['peer.key_file', '"instance.key"', undefined, file],
  ['peer.ban_file', '"bans.json"', undefined, file],
  ['peer.control_socket', '"peer.sock"', undefined, ['""', 'wanted a socket, got ""']],
  ['peer.target_peers', '256', 256, ['0', 'wanted an integer 1-256, got 0']],
  ['peer.requests', '1000000', 1_000_000, ['0', 'wanted an integer 1-1000000, got 0']],
  ['peer.broadcasts', '1', 1, ['1000001', 'wanted an integer 1-1000000, got 1000001']],
  ['peer.mdns', 'true', true, ['"yes"', 'wanted true or false, got "yes"']],
  [
    'peer.connect',
    `["${peerAddress}"]`,
    [peerAddress],
    ['["/ip4/192.0.2.7/p2p/1"]', `entry 0: ${multiaddr}, got "/ip4/192.0.2.7/p2p/1"`],
    ['["192.0.2.7:4001"]', `entry 0: ${multiaddr}, got "192.0.2.7:4001"`],
    ['[1]', `entry 0: ${multiaddr}, got 1`],
  ],
);

function load(text: string) {
  writeFileSync(path, text);
  return loadConfig({ path });
}

/** The problems of a configuration, with the folder cut off. */
function problems(text: string): readonly string[] {
  try {
    load(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => problem.replaceAll(`${folder}/`, ''));
  }
  return [];
}

function expectOrigin(got: string) {
  const what = 'wanted an origin like "https://wallet.example" in lower case, without a path';
  return `entry 0: ${what}, got "${got}"`;
}
function expectHost(got: string) {
  const what = 'wanted a host like "wallet.example" or "127.0.0.1:9090" in lower case';
  return `entry 0: ${what}, got "${got}"`;
}

/** The configuration as nested plain values, by configuration key. */
function valueAt(config: ReturnType<typeof loadConfig>, key: ConfigKey): unknown {
  const [section = '', name = ''] = key.split('.');
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const sections = config as unknown as Record<string, Record<string, unknown>>;
  return sections[section]?.[camel];
}

/** What must be there for a key to be right. */
function linesBefore(key: ConfigKey): string {
  if (key === 'raida.number') return '';
  const number = 'raida.number = 1\n';
  if (key === 'raida.proxy_addr') return `${number}raida.proxy_key = "${keyHex}"\n`;
  if (key.startsWith('raida.proxy_key')) return `${number}raida.proxy_addr = "::1"\n`;
  if (key !== 'transfer.listen' && key.startsWith('transfer.')) {
    const listen = `${number}transfer.listen = "127.0.0.1:0"\n`;
    if (key === 'transfer.interface') return `${listen}transfer.backend = "af_xdp"\n`;
    if (key !== 'transfer.queues') return listen;
    return `${listen}transfer.backend = "af_xdp"\ntransfer.interface = "eth1"\n`;
  }
  if (key !== 'peer.listen' && key.startsWith('peer.')) {
    return `${number}peer.listen = "127.0.0.1:0"\n`;
  }
  if (key === 'ratatoskr.listen' || !key.startsWith('ratatoskr.')) return number;
  const listen = `${number}ratatoskr.listen = "127.0.0.1:0"\n`;
  if (key === 'ratatoskr.tls_cert_file') return `${listen}ratatoskr.tls_key_file = "key"\n`;
  return key === 'ratatoskr.tls_key_file' ? `${listen}ratatoskr.tls_cert_file = "cert"\n` : listen;
}

describe('each key', () => {
  test('has a case here', () => {
    expect(cases.map(([key]) => key).sort()).toEqual([...configKeys].sort());
  });

  describe.each(cases)('%s', (key, good, becomes, ...bad) => {
    const before = linesBefore(key);

    test(`takes ${good.slice(0, 60)}`, () => {
      writeFileSync(join(folder, 'key'), keyHex);
      const config = load(`${before}${key} = ${good}\n`);
      if (becomes !== undefined) expect(valueAt(config, key)).toEqual(becomes);
    });

    test.each(bad)('refuses %s', (value, message) => {
      const text = `${before}# a line\n${key} = ${value}\n`;
      const line = before.split('\n').length + 1;
      expect(problems(text)).toEqual([`node.toml:${line}: ${key}: ${message}`]);
    });
  });
});
