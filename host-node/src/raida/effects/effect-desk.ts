/**
 * Does what the engine asks of the world: files, other servers, the proxy (assembly/core/layout.ts,
 * EffectKind 3 to 8). Every effect of a request ends in exactly one complete(), in bounded time.
 */
import {
  Effect,
  EffectBlock,
  EffectKind,
  EffectStatus,
  Folder,
} from '@andvari/host-common/engine/generated/layout';
import type { FileDesk } from '../../files/file-desk.ts';
import type { CrossoverProxy } from './crossover-proxy.ts';
import type { EffectResult } from './effect-result.ts';
import { ForgottenTrades } from './forgotten-trades.ts';
import type { PeerServers } from './peer-servers.ts';

export interface EffectDeskOptions {
  /** Views of the engine's memory, which never grows. */
  memory: { readonly u8: Uint8Array; readonly u32: Uint32Array };
  /**
   * An effect of that engine instance has ended, never within serve(): its complete(), then a run
   * of it.
   */
  complete(slot: number, status: number, length: number, worker: number): void;
  folders: FileDesk;
  /** Undefined: no other servers are configured. */
  servers: PeerServers | undefined;
  proxy: CrossoverProxy | undefined;
  /** First journal position that is not committed. */
  committed(): number;
  /** Why an effect failed, for a log; names no file and no secret. */
  trouble?(problem: string): void;
  /** Time for any effect [40 s: more than servers and proxy take], and for files at close [2 s]. */
  effectMs?: number;
  closeMs?: number;
}

const EFFECT_MS = 40_000;
const CLOSE_MS = 2000;
const TWO_32 = 4294967296;

/** What a block asks for, copied: the frame may not be looked at when serve() has returned. */
interface Block {
  folder: number;
  mode: number;
  permissions: number;
  name: Uint8Array;
  content: Uint8Array;
  result: number;
  resultLimit: number;
}

interface Outstanding {
  worker: number;
  slot: number;
  block: Block;
  isFile: boolean;
  abort: AbortController;
  timer: NodeJS.Timeout;
}

export class EffectDesk {
  readonly #options: EffectDeskOptions;
  readonly #outstanding = new Set<Outstanding>();
  readonly #forgotten: ForgottenTrades;
  #closing: Promise<void> | undefined;
  #closed = false;
  /** Waits of close() for the files under way. */
  #ended: (() => void) | undefined;

  constructor(options: EffectDeskOptions) {
    this.#options = options;
    this.#forgotten = new ForgottenTrades((name) =>
      options.folders.remove(Folder.TRADES, name).then(({ problem }) => this.#trouble(problem)),
    );
  }

  /** close() has resolved: nothing is done any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Effects that have not ended. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /**
   * An entry of an instance's effect ring, kinds 3 to 8; `at`: index of its first word in u32.
   * Whatever is needed of it and its block is copied before this returns. After close() has begun,
   * effects of requests end as FAILED.
   */
  serve(at: number, worker = 0): void {
    if (this.#closed) return;
    const word = (offset: number) => this.#options.memory.u32[at + (offset >>> 2)] ?? 0;
    const kind = word(Effect.KIND);
    if (kind === EffectKind.FORGET_TRADE) {
      const position = word(Effect.POSITION) + word(Effect.POSITION + 4) * TWO_32;
      const an = this.#options.memory.u8.slice(4 * at + Effect.AN, 4 * at + Effect.AN + 16);
      this.#forgotten.forget(an, position);
      this.#forgotten.committed(this.#options.committed());
      return;
    }
    const effect: Outstanding = {
      worker,
      slot: word(Effect.SLOT),
      block: this.#blockAt(word(Effect.OFFSET)),
      isFile: kind <= EffectKind.REMOVE_FILE,
      abort: new AbortController(),
      timer: setTimeout(() => {
        this.#end(effect, { status: EffectStatus.FAILED, problem: 'an effect took too long' });
      }, this.#options.effectMs ?? EFFECT_MS),
    };
    this.#outstanding.add(effect);
    this.#work(kind, effect).then(
      (result) => this.#end(effect, result),
      (error: Error) => {
        const problem = `an effect failed: ${error.name}`;
        this.#end(effect, { status: EffectStatus.FAILED, problem });
      },
    );
  }

  /** The store has committed up to that position: addresses of trade lockers that are gone go. */
  committed(position: number): void {
    if (!this.#closed) this.#forgotten.committed(position);
  }

  /** Changes behind that position were taken back, and with them what they wanted forgotten. */
  rolledBack(position: number): void {
    this.#forgotten.rolledBack(position);
  }

  /**
   * Ends what waits for others at once, files when they are done, at most after 2 s; what is left
   * then has failed. When this has resolved, complete() is not called any more.
   */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    for (const effect of [...this.#outstanding]) {
      if (!effect.isFile) this.#end(effect, { status: EffectStatus.FAILED });
    }
    await this.#filesDone(this.#options.closeMs ?? CLOSE_MS);
    for (const effect of [...this.#outstanding]) this.#end(effect, { status: EffectStatus.FAILED });
    this.#closed = true;
  }

  async #filesDone(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#ended = () => {
      if (this.#outstanding.size === 0) void this.#forgotten.settled().then(resolve);
    };
    this.#ended();
    await promise;
    clearTimeout(timer);
  }

  #blockAt(offset: number): Block {
    const { u8, u32 } = this.#options.memory;
    const word = (at: number) => u32[(offset + at) >>> 2] ?? 0;
    const bytes = (at: number, length: number) => u8.slice(offset + at, offset + at + length);
    return {
      folder: word(EffectBlock.FOLDER),
      mode: word(EffectBlock.MODE),
      permissions: word(EffectBlock.PERMISSIONS),
      name: bytes(EffectBlock.NAME, word(EffectBlock.NAME_BYTES)),
      content: bytes(EffectBlock.CONTENT, word(EffectBlock.CONTENT_BYTES)),
      result: word(EffectBlock.RESULT),
      resultLimit: word(EffectBlock.RESULT_LIMIT),
    };
  }

  /** Asynchronous throughout, so that complete() never runs inside serve(). */
  async #work(kind: number, { block, abort: { signal } }: Outstanding): Promise<EffectResult> {
    if (this.#closing !== undefined) return { status: EffectStatus.FAILED };
    const { folders, servers, proxy } = this.#options;
    const { folder, name, content, mode, permissions } = block;
    switch (kind) {
      case EffectKind.READ_FILE:
        return folders.read(folder, name, { bytesMax: block.resultLimit, signal });
      case EffectKind.WRITE_FILE:
        if (folder === Folder.TRADES) return this.#writeTrade(block, signal);
        return folders.write(folder, name, content, { mode, permissions, signal });
      case EffectKind.REMOVE_FILE:
        return folders.remove(folder, name, signal);
      case EffectKind.ASK_SERVERS:
        return servers?.ask(content, signal) ?? { status: EffectStatus.UNREACHABLE };
      case EffectKind.ASK_PROXY:
        return proxy?.ask(mode, content, signal) ?? { status: EffectStatus.UNREACHABLE };
      default:
        return { status: EffectStatus.FAILED, problem: `unknown effect ${kind}` };
    }
  }

  /** An offer that is about to go must not take the address of a new one with it. */
  async #writeTrade(block: Block, signal: AbortSignal): Promise<EffectResult> {
    const { folder, name, content } = block;
    const taken = { status: EffectStatus.FAILED };
    if (!(await this.#forgotten.isFree(name))) return taken;
    const result = await this.#options.folders.write(folder, name, content, { ...block, signal });
    return this.#forgotten.isNamed(name) ? taken : result;
  }

  /** Every effect ends here, once: what comes later is thrown away. */
  #end(effect: Outstanding, { status, bytes, problem }: EffectResult): void {
    if (!this.#outstanding.delete(effect)) {
      bytes?.fill(0);
      return;
    }
    clearTimeout(effect.timer);
    effect.abort.abort();
    effect.block.content.fill(0);
    this.#trouble(problem);
    const length = bytes?.length ?? 0;
    if (length > effect.block.resultLimit) {
      this.#options.complete(effect.slot, EffectStatus.FAILED, 0, effect.worker);
    } else {
      if (bytes) this.#options.memory.u8.set(bytes, effect.block.result);
      this.#options.complete(effect.slot, status, length, effect.worker);
    }
    bytes?.fill(0);
    this.#ended?.();
  }

  #trouble(problem: string | undefined): void {
    if (problem !== undefined) this.#options.trouble?.(problem);
  }
}
