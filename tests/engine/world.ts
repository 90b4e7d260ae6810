/**
 * What an engine's effects see of the world outside, in memory: files, the other servers, the
 * proxy. Does what the host does (EffectKind in the engine's layout) without disk or socket.
 * Web-standard only.
 */
import {
  EffectKind,
  EffectStatus,
  Folder,
  WriteMode,
} from '@andvari/host-common/engine/generated/layout';
import { RAIDA_COUNT, VOTE_BYTES } from '@andvari/host-common/engine/generated/limits';
import { Status } from '@andvari/host-common/engine/generated/status';

/** What an effect block asks for, copied out of the engine's memory. */
export interface EffectRequest {
  kind: number;
  folder: number;
  mode: number;
  permissions: number;
  name: Uint8Array;
  content: Uint8Array;
  resultLimit: number;
}

/** What complete() is told, and the bytes of the result. */
export interface EffectAnswer {
  status: number;
  bytes?: Uint8Array;
}

export interface WorldFile {
  bytes: Uint8Array;
  permissions: number;
}

/** Answer of another server to 2/50: wire status, and 5 bytes a coin. */
export interface Vote {
  status: number;
  coins: Uint8Array;
}

const NO_ANSWER = 0xffffffff;

export class World {
  /** By folder and name: nameOf(). */
  readonly files = new Map<string, WorldFile>();
  /** Sub-folders of Folder.FOLDERS. */
  readonly folders = new Set<string>();
  /** Undefined: that server does not answer. Left out: none is configured. */
  servers: ((raidaId: number, ticket: number) => Vote | undefined) | undefined;
  /** Undefined: it cannot be reached. */
  proxy: ((command: number, content: Uint8Array) => Uint8Array | undefined) | undefined;

  answer(request: EffectRequest): EffectAnswer {
    switch (request.kind) {
      case EffectKind.READ_FILE:
        return this.#read(request);
      case EffectKind.WRITE_FILE:
        return this.#write(request);
      case EffectKind.REMOVE_FILE:
        return this.#remove(request);
      case EffectKind.ASK_SERVERS:
        return this.#ask(request.content);
      case EffectKind.ASK_PROXY:
        return this.#askProxy(request);
      default:
        throw new Error(`world: effect of kind ${request.kind}`);
    }
  }

  put(folder: number, name: string, bytes: Uint8Array): void {
    this.files.set(`${folder}:${name}`, { bytes, permissions: 0o640 });
  }

  /** The address file of a trade locker that is gone goes. */
  forgetTrade(an: Uint8Array): void {
    const hex = Array.from(an, (byte) => byte.toString(16).padStart(2, '0')).join('');
    this.files.delete(`${Folder.TRADES}:${hex}`);
  }

  #read(request: EffectRequest): EffectAnswer {
    const { name, refused } = this.#place(request);
    if (refused) return { status: refused };
    const file = this.files.get(name);
    if (!file) return { status: EffectStatus.MISSING };
    if (file.bytes.length > request.resultLimit) return { status: EffectStatus.TOO_LARGE };
    return { status: EffectStatus.OK, bytes: file.bytes };
  }

  #write(request: EffectRequest): EffectAnswer {
    const { name, refused } = this.#place(request);
    if (refused) return { status: refused };
    if (request.mode === WriteMode.CREATE && this.files.has(name)) {
      return { status: EffectStatus.EXISTS };
    }
    this.files.set(name, { bytes: request.content, permissions: request.permissions });
    return { status: EffectStatus.OK };
  }

  #remove(request: EffectRequest): EffectAnswer {
    const { name, refused } = this.#place(request);
    if (refused) return { status: refused };
    const gone = this.files.delete(name);
    return { status: gone ? EffectStatus.OK : EffectStatus.MISSING };
  }

  /** The file's key, or why there cannot be such a file. */
  #place({ folder, name }: EffectRequest): { name: string; refused: number } {
    const text = String.fromCharCode(...name);
    const parts = text.split('/');
    const key = `${folder}:${text}`;
    const strange = parts.some((part) => part === '' || part === '.' || part === '..');
    if (strange || (folder !== Folder.FOLDERS && parts.length > 1)) {
      return { name: key, refused: EffectStatus.OUTSIDE };
    }
    const parent = parts.slice(0, -1).join('/');
    if (parent !== '' && !this.folders.has(parent)) {
      return { name: key, refused: EffectStatus.MISSING };
    }
    const isFolder = folder === Folder.FOLDERS && this.folders.has(text);
    return { name: key, refused: isFolder ? EffectStatus.NOT_A_FILE : EffectStatus.OK };
  }

  /** 25 tickets in, 25 answers out; 0 is not asked. */
  #ask(tickets: Uint8Array): EffectAnswer {
    if (!this.servers) return { status: EffectStatus.UNREACHABLE };
    const asked = new DataView(tickets.buffer, tickets.byteOffset, tickets.length);
    const bytes = new Uint8Array(RAIDA_COUNT * VOTE_BYTES);
    const view = new DataView(bytes.buffer);
    for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
      const ticket = asked.getUint32(4 * raidaId);
      const vote = ticket === 0 ? undefined : this.servers(raidaId, ticket);
      const at = raidaId * VOTE_BYTES;
      view.setUint32(at, vote?.status ?? NO_ANSWER, true);
      if (vote?.status !== Status.SUCCESS) continue;
      view.setUint32(at + 4, vote.coins.length / 5, true);
      bytes.set(vote.coins, at + 8);
    }
    return { status: EffectStatus.OK, bytes };
  }

  #askProxy({ mode, content }: EffectRequest): EffectAnswer {
    const bytes = this.proxy?.(mode, content);
    return bytes ? { status: EffectStatus.OK, bytes } : { status: EffectStatus.UNREACHABLE };
  }
}
