/**
 * The servers of a local network as peers of each other, in a thread of their own. Every few
 * seconds each tells what `numbers` says of it.
 */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../log/logger.ts';
import type { MeshAddress, MeshOptions, PeerRow, ServerNumbers } from './peer-mesh.ts';
import type { Failure, FromPeerThread, ToPeerThread } from './peer-thread-messages.ts';

/** Between two statuses of a server. */
const STATUS_MS = 10_000;
/** Connections of 25 nodes take 150 MB; what is thrown away between is not kept for long. */
const HEAP_MB = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 };
const END_MS = 5000;

export interface PeerThreadOptions extends MeshOptions {
  logger: Logger;
  /** Asked for each status: of each server, in order of RAIDA id. */
  numbers: () => readonly ServerNumbers[];
  statusMs?: number;
}

interface Waiting {
  resolve(answer: object): void;
  reject(error: Error): void;
}

/** The thread has ended by itself, or was closed while it was asked. */
export class PeerThreadError extends Error {
  override readonly name = 'PeerThreadError';
  readonly code = 'ANDVARI_PEER_STOPPED';
}

export class PeerThread {
  readonly #options: PeerThreadOptions;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #started = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  #timer: NodeJS.Timeout | undefined;
  #rows: PeerRow[] = [];
  #addresses: MeshAddress[] = [];
  #rowsMs = performance.now();
  #idNext = 0;
  #isClosing = false;

  private constructor(options: PeerThreadOptions) {
    const { folders, ports, websocketPorts } = options;
    this.#options = options;
    this.#worker = new Worker(new URL('./peer-mesh-thread.ts', import.meta.url), {
      workerData: { folders, ports, websocketPorts } satisfies MeshOptions,
      resourceLimits: HEAP_MB,
      name: 'andvari-peers',
    });
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (message: FromPeerThread) => this.#receive(message));
    this.#worker.on('error', (error) => this.#fail(error));
    void this.#ended.then(() => this.#fail(new PeerThreadError('the thread of peers has ended')));
  }

  /** Resolves when all listen; they meet from then on. Rejects as PeerMesh.start() does. */
  static async start(options: PeerThreadOptions): Promise<PeerThread> {
    const thread = new PeerThread(options);
    try {
      await thread.#started.promise;
    } catch (error) {
      await thread.close();
      throw error;
    }
    thread.#timer = setInterval(() => thread.#tell(), options.statusMs ?? STATUS_MS);
    return thread;
  }

  get addresses(): readonly MeshAddress[] {
    return this.#addresses;
  }

  /** Of a second ago, or as they were when the thread ended; the ages go on. */
  get rows(): readonly PeerRow[] {
    const sinceMs = performance.now() - this.#rowsMs;
    return this.#rows.map((row) => {
      return row.ageMs === undefined ? row : { ...row, ageMs: Math.round(row.ageMs + sinceMs) };
    });
  }

  /** What PeerMesh.ask() gives. Rejects with an Error with its code and message. */
  ask(raidaId: number, request: unknown): Promise<object> {
    return this.#question((id) => ({ kind: 'ask', id, raidaId, request }));
  }

  /** PeerMesh.admit(). Rejects with an Error with its code and message. */
  async admit(peerId: string, key: Uint8Array): Promise<void> {
    await this.#question((id) => ({ kind: 'admit', id, peerId, key }));
  }

  #question(message: (id: number) => ToPeerThread): Promise<object> {
    if (this.#isClosing) return Promise.reject(new PeerThreadError('the network stops'));
    const id = this.#idNext++;
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    this.#waiting.set(id, { resolve, reject });
    this.#post(message(id));
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#timer);
    this.#post({ kind: 'stop' });
    const timer = setTimeout(() => void this.#worker.terminate(), END_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #tell(): void {
    this.#post({ kind: 'numbers', numbers: this.#options.numbers() });
  }

  #receive(message: FromPeerThread): void {
    switch (message.kind) {
      case 'started':
        this.#addresses = message.addresses;
        this.#keep(message.rows);
        this.#started.resolve();
        break;
      case 'failed':
        this.#started.reject(errorOf(message.failure));
        break;
      case 'rows':
        this.#keep(message.rows);
        break;
      case 'trouble':
        this.#options.logger.warn(message.failure, 'the status of the servers was not told');
        break;
      default: {
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if ('failure' in message) waiting?.reject(errorOf(message.failure));
        else waiting?.resolve(message.answer);
      }
    }
  }

  #keep(rows: PeerRow[]): void {
    this.#rows = rows;
    this.#rowsMs = performance.now();
  }

  /** The servers do their work without it. */
  #fail(error: Error): void {
    this.#started.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    clearInterval(this.#timer);
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#options.logger.error({ err: error }, 'the servers are no peers of each other any more');
  }

  #post(message: ToPeerThread): void {
    this.#worker.postMessage(message);
  }
}

function errorOf({ code, message }: Failure): Error {
  return Object.assign(new Error(message), { code });
}
