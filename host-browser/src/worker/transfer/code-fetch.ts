/** What is fetched by a code: looked at first, then taken into this browser's storage or not. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { FileDownload } from '@andvari/host-common/transfer/files/file-download';
import {
  type IncomingFile,
  incomingFiles,
} from '@andvari/host-common/transfer/files/file-exchange';
import { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { RejectCode } from '@andvari/host-common/transfer/files/file-records';
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { endedEarly } from '@andvari/host-common/transfer/files/file-transfer-error';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { hexOf } from '../../storage/device-key.ts';
import { WorkerFailure } from '../messages.ts';
import { faultOf, movementOf } from './moving.ts';
import { OpfsPart } from './opfs-part.ts';
import { RelayNode } from './relay-node.ts';
import type { PageCode } from './relay-words.ts';
import type { FaultView, ReceiveView } from './transfer-messages.ts';

/** So long a sender may take to say what it has. */
const OFFER_MS = 15_000;

export class CodeFetch {
  /** As the user gave it. */
  readonly code: string;
  readonly #at: PageCode;
  readonly #changed: () => void;
  readonly #stop = new AbortController();
  readonly #decision = Promise.withResolvers<boolean>();
  #stage: ReceiveView['stage'] = 'calling';
  #file: IncomingFile | undefined;
  #transfer: FileTransfer | undefined;
  #key: string | undefined;
  #relayLost = false;
  #senderGone = false;
  #fault: FaultView | undefined;

  /** @param changed there is something else to show */
  constructor(code: string, at: PageCode, changed: () => void) {
    this.code = code;
    this.#at = at;
    this.#changed = changed;
  }

  get isOver(): boolean {
    return this.#stage === 'whole' || this.#stage === 'failed';
  }

  get isMoving(): boolean {
    return this.#stage === 'receiving';
  }

  /** Of what it keeps; undefined: nothing yet. */
  get key(): string | undefined {
    return this.#key;
  }

  view(): ReceiveView {
    const { name, size, hash } = this.#file?.offer ?? {};
    const { authenticationString } = this.#file ?? {};
    return {
      ...movementOf(this.#transfer),
      ...{ stage: this.#stage, code: this.code, relayLost: this.#relayLost },
      senderGone: this.#senderGone && !this.isOver,
      ...(name !== undefined && size !== undefined && { name, size }),
      ...(authenticationString !== undefined && { authenticationString }),
      ...(this.#stage === 'whole' && hash && { hash: hexOf(hash) }),
      ...(this.#key !== undefined && { key: this.#key }),
      ...(this.#fault && { fault: this.#fault }),
    };
  }

  /** Resolves when it is here, or has been refused, given up, or come to nothing. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    let node: RelayNode | undefined;
    try {
      node = await RelayNode.open({
        ...{ url: this.#at.url, isOpen: false },
        relayChanged: (isLost) => this.#told(() => (this.#relayLost = isLost)),
        peerGone: () => this.#told(() => (this.#senderGone = true)),
      });
      signal.throwIfAborted();
      const session = await node.call(this.#at.peerId, signal);
      await this.#take(session, signal);
      await session.close();
    } catch (error) {
      if (signal.aborted) return;
      this.#fault = faultOf(error);
      this.#become('failed');
    } finally {
      await node?.close();
    }
  }

  decide(accept: boolean): void {
    this.#decision.resolve(accept);
  }

  pause(isPaused: boolean): void {
    if (isPaused) this.#transfer?.pause();
    else this.#transfer?.resume();
    this.#changed();
  }

  /** What has come is kept. */
  async end(): Promise<void> {
    this.#stop.abort(new Error('given up'));
    this.#decision.resolve(false);
    await this.#transfer?.cancel();
  }

  async #take(session: TransferSession, signal: AbortSignal): Promise<void> {
    const file = await firstOf(session, signal);
    this.#file = file;
    if (file.offer.isFolder) {
      await file.refuse(RejectCode.REFUSED);
      const text = 'It is a folder, which a page cannot take: andvari receive takes it.';
      throw new WorkerFailure('ANDVARI_FOLDER', text);
    }
    this.#become('asking');
    const ended = session.closed.then(() => 'ended' as const);
    const decided = await Promise.race([this.#decision.promise, ended]);
    if (decided === 'ended') throw endedEarly();
    if (decided) return this.#receive(file);
    await file.refuse(RejectCode.REFUSED);
    signal.throwIfAborted();
    throw new WorkerFailure('ANDVARI_TRANSFER_REFUSED', 'It was not taken.');
  }

  async #receive(file: IncomingFile): Promise<void> {
    const { offer, peerId, authenticationString, route } = file;
    const hash = FileHash.create(await plainEngine());
    const sink = await OpfsPart.open(offer, hash).catch(async (error: unknown) => {
      await file.refuse(RejectCode.NO_PLACE);
      throw error;
    });
    this.#key = sink.key;
    const download = new FileDownload({ offer, sink, hash });
    const facts = { offer, path: offer.name, peerId, authenticationString, route };
    const transfer = new FileTransfer(download, { ...facts, direction: 'receive' });
    this.#transfer = transfer;
    this.#become('receiving');
    download.add(file.take(), peerIdText(peerId));
    if (this.#stop.signal.aborted) await transfer.cancel();
    try {
      await transfer.completion;
      this.#become('whole');
    } finally {
      await download.over();
    }
  }

  #told(work: () => void): void {
    work();
    this.#changed();
  }

  #become(stage: ReceiveView['stage']): void {
    this.#stage = stage;
    this.#changed();
  }
}

/** A code is for one file: more that come on its session are refused with its end. */
async function firstOf(session: TransferSession, signal: AbortSignal): Promise<IncomingFile> {
  session.keepalive(true);
  const { promise: given, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(() => reject(endedEarly()), OFFER_MS);
  try {
    const next = await Promise.race([incomingFiles(session).next(), given]);
    if (next.done) throw endedEarly();
    return next.value;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}
