/**
 * The test module of native-io/testing: raw sockets and network namespaces, and pieces of the addon
 * that have no face of their own. It is compiled when a test first wants it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadNative } from '../index.ts';
import type { XdpAddon } from '../xdp.ts';

/** One packet's ends, as the receiver sees them; addresses as bytes. */
export interface PacketPath {
  localMac: Uint8Array;
  remoteMac: Uint8Array;
  localIp: Uint8Array;
  remoteIp: Uint8Array;
  localPort: number;
  remotePort: number;
}

export interface ProgramOptions {
  hosts: string[];
  /** Of the interface. */
  mac: Uint8Array;
  port: number;
  frameBytesMax: number;
  /** Four bytes each; left out: the program looks at ports only. */
  prefixes?: Uint8Array[];
  /** Port and prefix both have to be right. */
  prefixAtPort?: boolean;
  /** Queue 0 has a socket. */
  socket: boolean;
}

/** Sockets are file descriptors. */
export interface TestModule {
  /** The calling thread changes its network namespace for good. */
  enterNamespace(name: string): void;
  /** Calls back in a namespace; the callback must not wait for anything. */
  inNamespace<T>(name: string, callback: () => T): T;
  openPacketSocket(interfaceName: string): number;
  openUdpSocket(host: string, port: number): number;
  /** Hears from nobody else afterwards. */
  connectTo(socket: number, host: string, port: number): void;
  /** The calling thread keeps these capabilities (their numbers) only. */
  keepCapabilities(numbers: number[]): void;
  /** The calling thread, and what it starts, is refused these system calls (EPERM) for good. */
  denyCalls(names: string[]): void;
  sendTo(socket: number, bytes: Uint8Array, host: string, port: number): void;
  send(socket: number, bytes: Uint8Array): void;
  receive(socket: number, timeoutMs: number): Uint8Array | undefined;
  closeSocket(socket: number): void;
  ping(host: string, timeoutMs: number): boolean;
  listenTcp(host: string, port: number): number;
  tcpRoundTrip(listener: number, host: string, port: number): boolean;
  setOffload(interfaceName: string, on: boolean): void;
  parsePacket(frame: Uint8Array): (PacketPath & { offset: number; length: number }) | undefined;
  buildPacket(path: PacketPath, payload: Uint8Array): Uint8Array;
  /** What the XDP program decides about each packet. */
  verdicts(options: ProgramOptions, packets: Uint8Array[]): number[];
}

export const XDP_PASS = 2;
export const XDP_REDIRECT = 4;

const require = createRequire(import.meta.url);
const room = fileURLToPath(new URL('../..', import.meta.url));
/** This process runs under AddressSanitizer: then the module does too, in a folder of its own. */
const sanitized = (process.env['LD_PRELOAD'] ?? '').includes('libasan');
const folder = join(room, sanitized ? 'build-asan' : 'build');
const modeFlags = sanitized ? ['-g', '-fsanitize=address,undefined'] : [];
/** The compiler itself does not. */
const { LD_PRELOAD: _, ...compilerEnv } = process.env;
const ownSources = ['addon.cc', 'raw-socket.cc', 'packet-pieces.cc'];
const addonSources = ['bpf.cc', 'frame-headers.cc', 'permissions.cc', 'xdp-program.cc'];
const addonHeaders = addonSources.map((name) => name.replace('.cc', '.h')).concat('io-error.h');

/** Why there is no test module here; undefined: there is one. */
export function whyNoTestModule(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  if (spawnSync('g++', ['--version'], { env: compilerEnv }).status !== 0) return 'no g++';
  return undefined;
}

function newestMs(files: string[]): number {
  return Math.max(...files.map((name) => statSync(join(room, name)).mtimeMs));
}

function compile(binary: string): void {
  const headers = [
    join(room, '../node_modules', `node-linux-${process.arch}`, 'include/node'),
    join(room, '../node_modules/node-addon-api'),
  ];
  const sources = [
    ...ownSources.map((name) => join(room, 'testing', name)),
    ...addonSources.map((name) => join(room, 'src', name)),
  ];
  mkdirSync(folder, { recursive: true });
  // Written beside and renamed: several test files may want it at once.
  const partial = `${binary}.${process.pid}`;
  const args = [
    ...['-std=c++17', '-O1', '-fPIC', '-shared', '-fvisibility=hidden', '-Wall', '-Wextra'],
    ...['-DNAPI_VERSION=8', '-DNAPI_CPP_EXCEPTIONS', '-DNODE_GYP_MODULE_NAME=andvari_testing'],
    ...headers.flatMap((folder) => ['-isystem', folder]),
    ...[...modeFlags, ...sources, '-o', partial],
  ];
  const { status, stderr } = spawnSync('g++', args, { env: compilerEnv });
  if (status !== 0) throw new Error(`the test module does not compile:\n${stderr}`);
  renameSync(partial, binary);
}

/** Compiles the module when it is older than its sources, and loads it. */
export function loadTestModule(): TestModule {
  const binary = join(folder, 'andvari_testing.node');
  const madeMs = existsSync(binary) ? statSync(binary).mtimeMs : 0;
  const own = readdirSync(join(room, 'testing')).map((name) => `testing/${name}`);
  const addons = [...addonSources, ...addonHeaders].map((name) => `src/${name}`);
  if (madeMs < newestMs([...own, ...addons])) compile(binary);
  return require(binary) as TestModule;
}

/** The addon that the host would take. */
export function loadXdpAddon(): XdpAddon {
  const native = loadNative();
  if ('missing' in native) throw new Error(native.missing);
  return native;
}
