/**
 * The peers that a user trusts, in a file: a line for each, `PEERID` or `PEERID NAME`; lines that
 * are empty or begin with # are for people, and are kept. Mode 0600, replaced as a whole.
 */
import { dirname } from 'node:path';
import { checkBytes, checkText } from '@andvari/host-common/transfer/argument-checks';
import { nameOf } from '@andvari/host-common/transfer/byte-strings';
import {
  looksLikePeerId,
  parsePeerId,
  parsePeerIdBytes,
  peerIdText,
} from '@andvari/host-common/transfer/peer-id-text';
import { makeDirectory } from '../files/directory.ts';
import { replaceFileDurably } from '../files/durable-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import { readOwnText } from '../files/own-text-file.ts';
import { checkPeerName, foldedPeerName, peerNameProblem } from './peer-names.ts';

/** All of them are read at each change. */
export const KNOWN_PEERS_LINES_MAX = 10_000;
/** So many lines of peers with the longest names, and some words for people. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

export interface KnownPeer {
  peerId: Uint8Array;
  name?: string;
}

interface Line {
  /** As it stands in the file. */
  text: string;
  peer?: KnownPeer;
}

/** The file, or one line of it, is not as it has to be. */
export class KnownPeersError extends Error {
  override readonly name = 'KnownPeersError';
  readonly code = 'ANDVARI_KNOWN_PEERS';
  readonly path: string;
  /** From 1 on. */
  readonly line: number | undefined;

  constructor(path: string, why: string, { line, cause }: { line?: number; cause?: unknown } = {}) {
    super(`${path}${line === undefined ? '' : `:${line}`}: ${why}`, { cause });
    this.path = path;
    this.line = line;
  }
}

/** The name belongs to another peer. */
export class PeerNameTakenError extends Error {
  override readonly name = 'PeerNameTakenError';
  readonly code = 'ANDVARI_REFUSED';
}

export class KnownPeers {
  readonly #path: string;
  #lines: readonly Line[] = [];
  /** By the key that lists compare, and by the folded name. */
  readonly #byKey = new Map<string, KnownPeer>();
  readonly #byName = new Map<string, KnownPeer>();

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * A file that is not there has no peers.
   * @throws KnownPeersError; TypeError
   */
  static load(path: string): KnownPeers {
    checkText('path', path);
    const peers = new KnownPeers(path);
    peers.#read();
    return peers;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Whether the peer is in the list, or the other peer ID of its key. */
  has(peerId: Uint8Array): boolean {
    return this.#byKey.has(keyOf(peerId));
  }

  /** Undefined: it is not in the list, or has no name there. */
  nameOf(peerId: Uint8Array): string | undefined {
    return this.#byKey.get(keyOf(peerId))?.name;
  }

  /**
   * The peer ID that a text means: that of a name in this list, or one that is written out, whoever
   * it is. Undefined: it is neither.
   * @throws PeerIdError: it was meant as a peer ID, and has a slip
   */
  find(text: string): Uint8Array | undefined {
    checkText('text', text);
    const named = this.#byName.get(foldedPeerName(text));
    if (named) return Uint8Array.from(named.peerId);
    return looksLikePeerId(text) ? parsePeerId(text) : undefined;
  }

  /** Copies, as they stand in the file. */
  list(): KnownPeer[] {
    return this.#lines.flatMap(({ peer }) =>
      peer ? [{ ...peer, peerId: Uint8Array.from(peer.peerId) }] : [],
    );
  }

  /**
   * Adds a peer to the file, or names one that is there; without a name it keeps the one it has.
   * What others have changed in the file since it was read stays.
   * @throws PeerNameError, PeerNameTakenError, KnownPeersError, RangeError: no peer ID; what
   * withFileLock() and the file system say
   */
  add(peerId: Uint8Array, name?: string): 'added' | 'named' | 'known' {
    checkBytes('peerId', peerId);
    peerIdText(peerId); // a RangeError before anything happens
    const wanted = name?.normalize('NFC');
    if (wanted !== undefined) checkPeerName(wanted);
    return this.#change((lines) => {
      this.#checkFree(peerId, wanted);
      const at = lines.findIndex(({ peer }) => peer && keyOf(peer.peerId) === keyOf(peerId));
      const before = lines[at]?.peer;
      if (before && (wanted === undefined || wanted === before.name)) return 'known';
      if (before) lines[at] = lineOf(before.peerId, wanted);
      else lines.push(lineOf(peerId, wanted));
      return before ? 'named' : 'added';
    });
  }

  /**
   * Takes a peer out of the file; false: it was not there.
   * @throws as add()
   */
  remove(peerId: Uint8Array): boolean {
    const key = keyOf(peerId);
    return this.#change((lines) => {
      const at = lines.findIndex(({ peer }) => peer && keyOf(peer.peerId) === key);
      if (at >= 0) lines.splice(at, 1);
      return at >= 0;
    });
  }

  #checkFree(peerId: Uint8Array, name: string | undefined): void {
    if (name === undefined) return;
    const owner = this.#byName.get(foldedPeerName(name));
    if (!owner || keyOf(owner.peerId) === keyOf(peerId)) return;
    throw new PeerNameTakenError(`${this.#path} has another peer of the name ${owner.name}`);
  }

  /** While no other process does. What is the same afterwards is not written. */
  #change<Result>(work: (lines: Line[]) => Result): Result {
    makeDirectory(dirname(this.#path), 0o700);
    return withFileLock(this.#path, () => {
      this.#read();
      const lines = [...this.#lines];
      const result = work(lines);
      if (lines.length > KNOWN_PEERS_LINES_MAX) throw tooMany(this.#path);
      const isSame = lines.every((line, i) => line === this.#lines[i]);
      if (isSame && lines.length === this.#lines.length) return result;
      replaceFileDurably(this.#path, lines.map(({ text }) => `${text}\n`).join(''));
      this.#take(lines);
      return result;
    });
  }

  #read(): void {
    const path = this.#path;
    const text = readOwnText(path, FILE_BYTES_MAX, (why, cause) => {
      return new KnownPeersError(path, why, { cause });
    });
    this.#take(parseLines(path, text ?? ''));
  }

  #take(lines: readonly Line[]): void {
    this.#lines = lines;
    this.#byKey.clear();
    this.#byName.clear();
    for (const { peer } of lines) {
      if (!peer) continue;
      this.#byKey.set(keyOf(peer.peerId), peer);
      if (peer.name !== undefined) this.#byName.set(foldedPeerName(peer.name), peer);
    }
  }
}

/**
 * The same for both peer IDs of a Noise key, and for no others: y, without the sign of x. Lists
 * compare the key (reference: transfer, section 2), which is a function of y and gives it back.
 */
function keyOf(peerId: Uint8Array): string {
  checkBytes('peerId', peerId, 32);
  return nameOf(peerId.with(31, (peerId[31] as number) & 0x7f));
}

function lineOf(peerId: Uint8Array, name: string | undefined): Line {
  const text = peerIdText(peerId);
  if (name === undefined) return { text, peer: { peerId: Uint8Array.from(peerId) } };
  return { text: `${text} ${name}`, peer: { peerId: Uint8Array.from(peerId), name } };
}

/** @throws KnownPeersError; a file that is not there is an empty one */
/** @throws KnownPeersError that names the line */
function parseLines(path: string, text: string): Line[] {
  const texts = text.replace(/\r?\n$/, '').split(/\r?\n/);
  if (text === '') return [];
  if (texts.length > KNOWN_PEERS_LINES_MAX) throw tooMany(path);
  const seen = new Map<string, number>();
  return texts.map((one, index) => {
    const line = index + 1;
    const wrong = (why: string, cause?: unknown) => new KnownPeersError(path, why, { line, cause });
    const parsed = parseLine(one, wrong);
    const { peer } = parsed;
    if (!peer) return parsed;
    const name = peer.name === undefined ? [] : [`name ${foldedPeerName(peer.name)}`];
    for (const one of [`peer ${keyOf(peer.peerId)}`, ...name]) {
      const before = seen.get(one);
      if (before !== undefined) throw wrong(`the ${one.slice(0, 4)} of line ${before} once more`);
      seen.set(one, line);
    }
    return parsed;
  });
}

function parseLine(text: string, wrong: (why: string, cause?: unknown) => Error): Line {
  const [, id = '', name = ''] = /^\s*(\S*)(?:\s+(.*?))?\s*$/.exec(text) ?? [];
  if (id === '' || id.startsWith('#')) return { text };
  const problem = name === '' ? undefined : peerNameProblem(name);
  if (problem) throw wrong(problem);
  try {
    const peerId = parsePeerIdBytes(id);
    return { text, peer: name === '' ? { peerId } : { peerId, name } };
  } catch (error) {
    throw wrong((error as Error).message, error);
  }
}

function tooMany(path: string): KnownPeersError {
  return new KnownPeersError(path, `it has more than ${KNOWN_PEERS_LINES_MAX} lines`);
}
