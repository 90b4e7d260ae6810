import { css, html, LitElement, nothing } from 'lit';
import type { TaskProgress, WalletView } from '../worker/messages.ts';
import { Light, WorkerFailure } from '../worker/messages.ts';
import { startWorker, type WorkerLink } from '../worker/worker-link.ts';
import type { AndvariConfirm } from './confirm.ts';
import './confirm.ts';
import {
  addedSentence,
  interruptedSentence,
  ownershipQuestion,
  removalQuestion,
  resultSentence,
  savedSentence,
  wantedFiles,
} from './app-words.ts';
import { saveFile } from './download.ts';
import { countOf, NO_TOTALS } from './format.ts';
import type { PassphraseDetail } from './gate.ts';
import './gate.ts';
import { type ServerState, withAnswer, withTask } from './servers.ts';
import { sharedStyles } from './shared-styles.ts';
import { advanceTask, startTask, type TaskKind, type TaskState } from './task.ts';
import type { Notice, WalletAction } from './wallet-page.ts';
import './wallet-page.ts';

/** Short enough to look live, long enough that the page draws and does nothing else. */
const GATHER_MS = 40;

type Phase = 'starting' | 'create' | 'unlock' | 'open' | 'broken';

/** The whole page: keeps the worker, and what is known of the wallet, and says who does what. */
export class AndvariApp extends LitElement {
  static override properties = {
    phase: { state: true },
    busy: { state: true },
    fault: { state: true },
    wallet: { state: true },
    servers: { state: true },
    selection: { state: true },
    task: { state: true },
    notice: { state: true },
    ended: { state: true },
    asking: { state: true },
  };
  static override styles = [
    sharedStyles,
    css`
      .broken {
        max-width: 32rem;
        margin: 20vh auto;
        padding: 0 1.2rem;
        font-size: 1.1rem;
      }
    `,
  ];

  declare phase: Phase;
  declare busy: boolean;
  declare fault: string;
  declare wallet: WalletView;
  declare servers: readonly ServerState[];
  declare selection: ReadonlySet<number>;
  declare task: TaskState | undefined;
  declare notice: Notice | undefined;
  declare asking: boolean;
  /** Works that have ended: tests must not mistake the moment before one for that after it. */
  declare ended: number;
  #link: WorkerLink;
  #stopTask: AbortController | undefined;
  readonly #heard: TaskProgress[] = [];

  constructor() {
    super();
    this.#clear();
    this.phase = 'starting';
    this.busy = false;
    this.fault = '';
    this.ended = 0;
    this.#link = this.#startWorker();
    window.addEventListener('beforeunload', (event) => {
      // New secrets are saved before they are sent, so leaving loses nothing; waiting is kinder.
      if (this.task?.kind === 'pown') event.preventDefault();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#start();
  }

  protected override render() {
    if (this.phase === 'open') return this.#page();
    if (this.phase === 'starting') return nothing;
    if (this.phase === 'broken') {
      return html`<main class="broken" role="alert" data-testid="broken">${this.fault}</main>`;
    }
    return html`<andvari-gate
      .mode=${this.phase}
      .busy=${this.busy}
      .fault=${this.fault}
      @passphrase=${(event: CustomEvent<PassphraseDetail>) => this.#enter(event.detail)}
    ></andvari-gate>`;
  }

  #page() {
    return html`
      <andvari-wallet-page
        data-testid="wallet"
        data-ended=${this.ended}
        .coins=${this.wallet.coins}
        .totals=${this.wallet.totals}
        .network=${this.wallet.network}
        .servers=${this.servers}
        .selection=${this.selection}
        .task=${this.task}
        .notice=${this.notice}
        .busy=${this.busy}
        .asking=${this.asking}
        @lock=${() => this.#lock()}
        @coin-files=${(event: CustomEvent<File[]>) => this.#addFiles(event.detail)}
        @demo-coins=${() => this.#takeDemoCoins()}
        @ask-servers=${() => this.#askServers()}
        @cancel-task=${() => this.#cancelTask()}
        @close-notice=${() => this.#say(undefined)}
        @selection-change=${(event: CustomEvent<ReadonlySet<number>>) => {
          this.selection = event.detail;
        }}
        @wallet-action=${(event: CustomEvent<WalletAction>) => this.#act(event.detail)}
      ></andvari-wallet-page>
      <andvari-confirm></andvari-confirm>
    `;
  }

  #clear(): void {
    this.wallet = { coins: [], totals: NO_TOTALS, network: { serverIds: [], demo: false } };
    this.servers = [];
    this.selection = new Set();
    this.task = undefined;
    this.notice = undefined;
    this.asking = false;
  }

  #startWorker(): WorkerLink {
    return startWorker((failure) => {
      this.fault = failure.message;
      this.phase = 'broken';
    });
  }

  async #start(): Promise<void> {
    if (!window.isSecureContext) {
      const text = 'The wallet needs a safe origin: open it over https, or on 127.0.0.1.';
      return this.#break(new WorkerFailure('ANDVARI_INSECURE', text));
    }
    try {
      const exists = await this.#link.client.call('exists', null);
      this.phase = exists ? 'unlock' : 'create';
    } catch (error) {
      this.#break(error);
    }
  }

  #break(error: unknown): void {
    this.fault = sentenceOf(error);
    this.phase = 'broken';
  }

  async #enter({ passphrase }: PassphraseDetail): Promise<void> {
    this.busy = true;
    this.fault = '';
    const method = this.phase === 'create' ? 'create' : 'unlock';
    try {
      const wallet = await this.#link.client.call(method, { passphrase });
      this.#showWallet(wallet);
      this.phase = 'open';
    } catch (error) {
      this.fault = sentenceOf(error);
      // Another tab made a wallet meanwhile: from here on it is to be unlocked.
      if (codeOf(error) === 'ANDVARI_STORAGE_EXISTS') this.phase = 'unlock';
    } finally {
      this.busy = false;
    }
    if (this.phase === 'open') await this.#opened();
  }

  /** What happens by itself after unlocking: settle what was left open, then see who answers. */
  async #opened(): Promise<void> {
    // Without this the browser may evict the coins when the disk fills up.
    void navigator.storage?.persist?.();
    const unsettled = this.wallet.coins.filter((coin) => coin.openServers > 0).length;
    if (unsettled > 0) {
      this.#say(interruptedSentence(unsettled));
      await this.#runTask('settle', []);
    }
    await this.#askServers();
  }

  async #lock(): Promise<void> {
    if (this.busy) return;
    await this.#work(() => this.#link.client.call('lock', null));
    this.#link.end();
    this.#link = this.#startWorker();
    this.#clear();
    this.fault = '';
    this.phase = 'unlock';
  }

  async #addFiles(files: readonly File[]): Promise<void> {
    await this.#work(async () => {
      const counts = { addedCount: 0, knownCount: 0, twofoldCount: 0 };
      const faults: string[] = [];
      for (const file of wantedFiles(files, faults)) {
        try {
          const bytes = new Uint8Array(await file.arrayBuffer());
          const params = { name: file.name, bytes };
          const transfer = [bytes.buffer];
          const added = await this.#link.client.call('add', params, { transfer });
          counts.addedCount += added.addedCount;
          counts.knownCount += added.knownCount;
          counts.twofoldCount += added.twofoldCount;
          this.#showWallet(added.wallet);
        } catch (error) {
          faults.push(sentenceOf(error));
        }
      }
      this.#say(addedSentence(counts, faults));
    });
  }

  async #takeDemoCoins(): Promise<void> {
    await this.#work(async () => {
      const added = await this.#link.client.call('demo', null);
      this.#showWallet(added.wallet);
      this.#say(addedSentence(added, []));
    });
  }

  /** Beside everything else: whoever wants to work need not wait for silent servers. */
  async #askServers(): Promise<void> {
    const { client } = this.#link;
    if (this.asking) return;
    this.asking = true;
    const ids = this.wallet.network.serverIds;
    this.servers = ids.map((raidaId) => ({ raidaId, light: Light.PENDING, elapsedMs: null }));
    try {
      const network = await client.call('servers', null, {
        onProgress: (answer) => {
          if (client === this.#link.client) this.servers = withAnswer(this.servers, answer);
        },
      });
      if (client === this.#link.client) this.wallet = { ...this.wallet, network };
    } catch (error) {
      if (client === this.#link.client) this.#say({ tone: 'bad', text: sentenceOf(error) });
    } finally {
      if (client === this.#link.client) this.asking = false;
    }
  }

  async #act(action: WalletAction): Promise<void> {
    if (action === 'detect') return this.#runTask('detect', this.#chosenIds());
    if (action === 'pown') return this.#takeOwnership();
    if (action === 'save') return this.#download();
    return this.#remove();
  }

  async #takeOwnership(): Promise<void> {
    const ids = this.#chosenIds();
    const yes = await this.#ask(ownershipQuestion(ids.length));
    if (yes) await this.#runTask('pown', ids);
  }

  async #download(): Promise<void> {
    await this.#work(async () => {
      const ids = this.#chosenIds();
      const files = await this.#link.client.call('save', { ids });
      for (const file of files) saveFile(file);
      this.#say(savedSentence(files, ids.length));
    });
  }

  async #remove(): Promise<void> {
    const ids = this.#chosenIds();
    const yes = await this.#ask(removalQuestion(ids.length));
    if (!yes) return;
    await this.#work(async () => {
      this.#showWallet(await this.#link.client.call('remove', { ids }));
      this.#say({ tone: 'good', text: `${countOf(ids.length, 'coin')} removed.` });
    });
  }

  async #runTask(kind: TaskKind, ids: readonly number[]): Promise<void> {
    const stop = new AbortController();
    this.#stopTask = stop;
    await this.#work(async () => {
      if (kind !== 'settle') this.#say(undefined);
      this.task = startTask(kind);
      const before = this.wallet;
      try {
        const wallet = await this.#callTask(kind, ids, stop.signal);
        this.#showHeard();
        const about = this.task.ids;
        this.#showWallet(wallet);
        const coins = wallet.coins.filter((coin) => about.has(coin.id));
        this.#say(resultSentence(kind, coins, stop.signal.aborted));
      } catch (error) {
        this.wallet = before;
        throw error;
      } finally {
        this.task = undefined;
      }
    });
  }

  #callTask(kind: TaskKind, ids: readonly number[], signal: AbortSignal): Promise<WalletView> {
    const { client } = this.#link;
    const onProgress = (progress: TaskProgress) => this.#hear(progress);
    const options = { signal, onProgress };
    if (kind === 'settle') return client.call('settle', null, options);
    return client.call(kind, { ids }, options);
  }

  /** Answers come in hundreds: they are gathered for a moment and shown together. */
  #hear(progress: TaskProgress): void {
    this.#heard.push(progress);
    if (this.#heard.length === 1) setTimeout(() => this.#showHeard(), GATHER_MS);
  }

  #showHeard(): void {
    const news = this.#heard.splice(0);
    if (this.task === undefined || news.length === 0) return;
    const { task, coins } = advanceTask(this.task, this.wallet.coins, news);
    this.task = task;
    this.wallet = { ...this.wallet, coins };
    this.servers = withTask(this.servers, task.servers);
  }

  #cancelTask(): void {
    if (this.task === undefined) return;
    this.task = { ...this.task, cancelling: true };
    this.#stopTask?.abort();
  }

  /** Run one thing at a time; what goes wrong becomes the one sentence on the page. */
  async #work(work: () => Promise<unknown>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await work();
    } catch (error) {
      this.#say({ tone: 'bad', text: sentenceOf(error) });
    } finally {
      this.busy = false;
      this.ended++;
    }
  }

  #showWallet(wallet: WalletView): void {
    this.wallet = wallet;
    const ids = new Set(wallet.coins.map((coin) => coin.id));
    this.selection = new Set([...this.selection].filter((id) => ids.has(id)));
  }

  #chosenIds(): readonly number[] {
    if (this.selection.size > 0) return [...this.selection];
    return this.wallet.coins.map((coin) => coin.id);
  }

  #ask(question: Parameters<AndvariConfirm['ask']>[0]): Promise<boolean> {
    const dialog = this.renderRoot.querySelector<AndvariConfirm>('andvari-confirm');
    return dialog?.ask(question) ?? Promise.resolve(false);
  }

  #say(notice: Notice | undefined): void {
    this.notice = notice;
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof WorkerFailure ? error.message : 'Something unexpected went wrong here.';
}

function codeOf(error: unknown): string {
  return error instanceof WorkerFailure ? error.code : '';
}

customElements.define('andvari-app', AndvariApp);
