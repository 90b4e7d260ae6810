import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../files/directory.ts';
import { createFileDurably, replaceFileDurably } from '../files/durable-file.ts';

const FORMAT = 1;
const SEED_BYTES = 32;
const ADMIN_KEY_BYTES = 16;

/** What a local network keeps of itself between runs: network.json in its folder, mode 0600. */
export interface NetworkState {
  /** 32 bytes, from which the ANs of all demo coins come (demo-coins.ts). */
  demoSeed: Uint8Array;
  /** Whether every store has the demo coins. */
  stocked: boolean;
}

/** network.json is not a network's state. */
export class NetworkStateError extends Error {
  readonly code = 'ANDVARI_NETWORK_STATE';
  override readonly name = 'NetworkStateError';
}

function nameOf(raidaId: number): string {
  return `raida-${String(raidaId).padStart(2, '0')}`;
}

/** The files of a local network. */
export function networkFiles(dataDir: string) {
  const ratatoskrFolder = join(dataDir, 'ratatoskr');
  return {
    /** Market, payments and wallet of the Ratatoskr demo services. */
    ratatoskrFolder,
    ratatoskr: {
      devices: join(ratatoskrFolder, 'devices.json'),
      serverKey: join(ratatoskrFolder, 'server-key'),
      audit: join(ratatoskrFolder, 'audit.log'),
      answers: join(ratatoskrFolder, 'answers.db'),
    },
    state: join(dataDir, 'network.json'),
    demoCursor: join(dataDir, 'demo-cursor.json'),
    /** The admin key that all servers share: 32 hex digits, mode 0600. */
    adminKey: join(dataDir, 'admin-key'),
    /** One store for each server: `raida-07.db`. */
    store: (raidaId: number) => join(dataDir, `${nameOf(raidaId)}.db`),
    /** One folder for each server's key files, zones and objects: `raida-07`. */
    folder: (raidaId: number) => join(dataDir, nameOf(raidaId)),
    /** The two keys of each server's peer node and its bans: `peers/raida-07`. */
    peerFolder: (raidaId: number) => join(dataDir, 'peers', nameOf(raidaId)),
    /** By which `andvari peers` reaches them. */
    peersSocket: join(dataDir, 'peers.sock'),
  };
}

/**
 * The state of the network in `dataDir`; a new one with a fresh seed when there is none.
 * @throws NetworkStateError, FileExistsError when another process makes one right now
 */
export function openNetworkState(dataDir: string): NetworkState {
  makeDirectory(dataDir, 0o700);
  const { state: path } = networkFiles(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const state = { demoSeed: new Uint8Array(randomBytes(SEED_BYTES)), stocked: false };
    createFileDurably(path, emitState(state));
    return state;
  }
  return parseState(path, text);
}

/**
 * The network's admin key, 16 bytes; a new one when there is none.
 * @throws NetworkStateError, FileExistsError when another process makes one right now
 */
export function openAdminKey(dataDir: string): Uint8Array {
  const { adminKey: path } = networkFiles(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    text = randomBytes(ADMIN_KEY_BYTES).toString('hex');
    createFileDurably(path, `${text}\n`);
  }
  if (!/^[0-9a-f]{32}$/.test(text)) throw new NetworkStateError(`${path}: wanted 32 hex digits`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Remember that every store has the demo coins. */
export function saveStocked(dataDir: string, state: NetworkState): NetworkState {
  const stocked = { ...state, stocked: true };
  replaceFileDurably(networkFiles(dataDir).state, emitState(stocked));
  return stocked;
}

function emitState({ demoSeed, stocked }: NetworkState): string {
  const seed = Buffer.from(demoSeed).toString('hex');
  return `${JSON.stringify({ format: FORMAT, demoSeed: seed, stocked }, null, 2)}\n`;
}

function parseState(path: string, text: string): NetworkState {
  const refuse = (wanted: string, cause?: unknown): never => {
    // Not a word of the content: it holds a seed.
    throw new NetworkStateError(`${path}: wanted ${wanted}`, { cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return refuse('JSON', cause instanceof SyntaxError ? undefined : cause);
  }
  if (typeof value !== 'object' || value === null) return refuse('an object');
  const { format, demoSeed, stocked } = value as Record<string, unknown>;
  if (format !== FORMAT) return refuse(`"format": ${FORMAT}`);
  if (typeof demoSeed !== 'string' || !/^[0-9a-f]{64}$/.test(demoSeed)) {
    return refuse('"demoSeed" of 64 hex digits');
  }
  if (typeof stocked !== 'boolean') return refuse('"stocked" true or false');
  return { demoSeed: new Uint8Array(Buffer.from(demoSeed, 'hex')), stocked };
}
