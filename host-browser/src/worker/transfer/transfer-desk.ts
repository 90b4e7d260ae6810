/** The worker's side of the panel for files: one that is sent, one received, what is kept. */
import type { HandlerContext } from '../message-server.ts';
import { WorkerFailure } from '../messages.ts';
import { ViewWatchers } from '../view-watchers.ts';
import type { NetworkView } from '../views.ts';
import { CodeFetch } from './code-fetch.ts';
import { HandOut } from './hand-out.ts';
import { keptFile, keptFiles, removeKept } from './kept-files.ts';
import { readCode, readRelay } from './relay-words.ts';
import type { KeptView, Side, TransferView } from './transfer-messages.ts';

/** How far it is is told as often. */
const TICK_MS = 500;

export class TransferDesk {
  readonly #watchers = new ViewWatchers();
  #send: HandOut | undefined;
  #receive: CodeFetch | undefined;
  #kept: readonly KeptView[] = [];

  watch(context: HandlerContext<'transferWatch'>): Promise<null> {
    void this.#look();
    const view = (): TransferView => this.#view();
    return this.#watchers.watch(context, { view, tickMs: TICK_MS, isMoving: () => this.#isBusy });
  }

  /** Throws WorkerFailure, RelayAddressError, FileOfferError. */
  async send(file: File, relay: string, { reachable }: NetworkView): Promise<null> {
    if (this.#send && !this.#send.isOver) throw busy('sent');
    const handOut = new HandOut(file, readRelay(relay, reachable), () => this.#changed());
    this.#send = handOut;
    void handOut.run();
    this.#changed();
    return null;
  }

  /** Throws WorkerFailure, RelayAddressError, PeerIdError. */
  async fetch(code: string, { reachable }: NetworkView): Promise<null> {
    if (this.#receive && !this.#receive.isOver) throw busy('received');
    const fetching = new CodeFetch(code, readCode(code, reachable), () => this.#changed());
    this.#receive = fetching;
    void fetching.run().then(() => this.#look());
    this.#changed();
    return null;
  }

  async decide(accept: boolean): Promise<null> {
    this.#receive?.decide(accept);
    return null;
  }

  async pause(side: Side, isPaused: boolean): Promise<null> {
    (side === 'send' ? this.#send : this.#receive)?.pause(isPaused);
    return null;
  }

  async end(side: Side): Promise<null> {
    const ended = side === 'send' ? this.#send : this.#receive;
    if (side === 'send') this.#send = undefined;
    else this.#receive = undefined;
    this.#changed();
    await ended?.end();
    await this.#look();
    return null;
  }

  kept(key: string): Promise<File> {
    return keptFile(key);
  }

  async forget(key: string): Promise<null> {
    if (this.#receive?.isMoving && this.#receive.key === key) throw busy('received');
    await removeKept(key);
    if (this.#receive?.key === key) this.#receive = undefined;
    await this.#look();
    return null;
  }

  /** Both ends are told. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#send?.end(), this.#receive?.end()]);
  }

  get #isBusy(): boolean {
    return [this.#send, this.#receive].some((one) => one && !one.isOver);
  }

  /** A browser without such storage keeps nothing. */
  async #look(): Promise<void> {
    this.#kept = await keptFiles().catch(() => []);
    this.#changed();
  }

  #view(): TransferView {
    const [send, receive] = [this.#send?.view(), this.#receive?.view()];
    const { key } = this.#receive ?? {};
    return {
      ...(send && { send }),
      ...(receive && { receive }),
      kept: this.#kept.filter((one) => one.key !== key),
    };
  }

  #changed(): void {
    this.#watchers.changed();
  }
}

function busy(what: string): WorkerFailure {
  return new WorkerFailure('ANDVARI_BUSY', `A file is being ${what} already: end that first.`);
}
