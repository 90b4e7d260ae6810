/** A file that is handed out: whoever has the code fetches it; the first who has it ends it. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { TRANSFER_ID_BYTES } from '@andvari/host-common/transfer/files/file-offer';
import {
  type FileSender,
  hashFile,
  type SentFile,
} from '@andvari/host-common/transfer/files/file-sender';
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { hexOf } from '../../storage/device-key.ts';
import { faultOf, movementOf } from './moving.ts';
import { PickedFile } from './picked-file.ts';
import { RelayNode } from './relay-node.ts';
import type { FaultView, SendView } from './transfer-messages.ts';

/** A picked file has no permissions: those of a file that its owner writes and others read. */
const MODE = 0o644;
/** So long peers may take to hear that it has ended. */
const LAST_WORD_MS = 1_000;
/** With our own file at fault nobody else can have it either. */
const OF_OUR_FILE = 'ANDVARI_FILE_CHANGED';

interface Served {
  sender: FileSender;
  transfer: FileTransfer;
}

export class HandOut {
  readonly #file: PickedFile;
  readonly #relay: string;
  readonly #changed: () => void;
  readonly #stop = new AbortController();
  /** Those who have come, the last one at the end. */
  readonly #served = new Set<Served>();
  #stage: SendView['stage'] = 'reading';
  #readBytes = 0;
  #node: RelayNode | undefined;
  #relayLost = false;
  #fault: FaultView | undefined;
  #done: FileTransfer | undefined;
  #hash = '';

  /**
   * @param relay URL of a relay
   * @param changed there is something else to show
   * @throws FileOfferError: a name that some systems do not take
   */
  constructor(file: File, relay: string, changed: () => void) {
    this.#file = new PickedFile(file);
    this.#relay = relay;
    this.#changed = changed;
  }

  get isOver(): boolean {
    return this.#stage === 'done' || this.#stage === 'failed';
  }

  /** Whether somebody would miss it. */
  get isMoving(): boolean {
    return this.#served.size > 0;
  }

  view(): SendView {
    const { name, size } = this.#file;
    const transfer = this.#done ?? this.#latest?.transfer;
    const moving = movementOf(transfer);
    return {
      ...{ name, size, ...moving },
      doneBytes: this.#stage === 'reading' ? this.#readBytes : moving.doneBytes,
      ...{ stage: this.#shownStage, relayLost: this.#relayLost },
      ...(this.#node && !this.isOver && { code: this.#node.code }),
      ...(this.#done && { hash: this.#hash }),
      ...(this.#fault && { fault: this.#fault }),
    };
  }

  /** Resolves when somebody has it, or it has been given up or come to nothing. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const sent = await this.#read(signal);
      this.#become('joining');
      this.#node = await RelayNode.open({
        ...{ url: this.#relay, isOpen: true },
        relayChanged: (isLost) => {
          this.#relayLost = isLost;
          this.#changed();
        },
      });
      signal.throwIfAborted();
      this.#become('waiting');
      await this.#untilTaken(this.#node, sent, signal);
      this.#become('done');
    } catch (error) {
      if (signal.aborted) return;
      this.#fault = faultOf(error);
      this.#become('failed');
    } finally {
      await this.#node?.close();
    }
  }

  pause(isPaused: boolean): void {
    const transfer = this.#latest?.transfer;
    if (isPaused) transfer?.pause();
    else transfer?.resume();
    this.#changed();
  }

  async end(): Promise<void> {
    this.#stop.abort(new Error('given up'));
    const told = Promise.allSettled([...this.#served].map(({ transfer }) => transfer.cancel()));
    // Who has not decided yet does not listen.
    await Promise.race([told, new Promise((resolve) => setTimeout(resolve, LAST_WORD_MS))]);
    await this.#node?.close();
  }

  get #latest(): Served | undefined {
    return [...this.#served].at(-1);
  }

  get #shownStage(): SendView['stage'] {
    if (this.#stage !== 'waiting' || !this.#latest) return this.#stage;
    return this.#latest.sender.isTaken ? 'sending' : 'asked';
  }

  #become(stage: SendView['stage']): void {
    this.#stage = stage;
    this.#changed();
  }

  async #read(signal: AbortSignal): Promise<SentFile> {
    const { name, size, modifiedUs } = this.#file;
    const progress = (bytes: number) => {
      this.#readBytes += bytes;
    };
    const hashed = await hashFile(this.#file, FileHash.create(await plainEngine()), {
      ...{ progress, signal },
    });
    this.#hash = hexOf(hashed.hash);
    const offer = {
      ...{ transferId: hostRandom(TRANSFER_ID_BYTES), name, size, hash: hashed.hash },
      ...{ mode: MODE, modifiedUs, compressed: false, isFolder: false },
    };
    return { offer, source: this.#file, values: hashed.values };
  }

  async #untilTaken(node: RelayNode, sent: SentFile, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const serve = async (session: TransferSession) => {
      try {
        await this.#serve(session, sent);
        resolve();
      } catch (error) {
        const fault = faultOf(error);
        if (fault.code === OF_OUR_FILE) reject(error);
        // The code is still good.
        if (!signal.aborted && !this.#done) this.#fault = fault;
      } finally {
        await session.close();
        this.#changed();
      }
    };
    const come = async () => {
      const reader = node.endpoint.incoming.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        void serve(next.value);
      }
    };
    come().catch(reject);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    await promise;
  }

  async #serve(session: TransferSession, sent: SentFile): Promise<void> {
    const { offer } = sent;
    const { peerId, authenticationString } = session;
    const sender = await offerFile(session, sent);
    const facts = { offer, path: offer.name, peerId, authenticationString, route: session };
    const transfer = new FileTransfer(sender, { ...facts, direction: 'send' });
    const served = { sender, transfer };
    this.#served.add(served);
    this.#fault = undefined;
    this.#changed();
    try {
      await transfer.completion;
      this.#done ??= transfer;
    } finally {
      this.#served.delete(served);
    }
  }
}
