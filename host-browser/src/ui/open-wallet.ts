import { html, LitElement } from 'lit';
import type { MessageClient } from '../worker/message-client.ts';
import type { WalletView } from '../worker/views.ts';
import {
  addedSentence,
  interruptedSentence,
  ownershipQuestion,
  removalQuestion,
  resultSentence,
  savedSentence,
  wantedFiles,
} from './app-words.ts';
import './code-dialog.ts';
import './confirm.ts';
import type { Question } from './confirm.ts';
import { saveFile } from './download.ts';
import { countOf, NO_TOTALS } from './format.ts';
import { healedSentence } from './heal-words.ts';
import { type Dialogs, LockerFlows } from './locker-flows.ts';
import type { LockerAction } from './lockers.ts';
import './peers.ts';
import { RatatoskrFlows } from './ratatoskr-flows.ts';
import type { RatatoskrAction } from './ratatoskr-state.ts';
import { openPaymentNotice } from './ratatoskr-words.ts';
import './send-dialog.ts';
import './take-dialog.ts';
import { sharedStyles } from './shared-styles.ts';
import type { TaskKind } from './task.ts';
import { TransferFlows } from './transfer-flows.ts';
import type { TransferAction } from './transfer-state.ts';
import type { AndvariWalletPage, WalletAction } from './wallet-page.ts';
import './wallet-page.ts';
import { sentenceOf, WalletSession } from './wallet-session.ts';

/** New secrets are saved before they are sent, so leaving loses nothing; waiting is kinder. */
const STAY_FOR: readonly TaskKind[] = ['pown', 'send', 'take', 'heal'];

/**
 * An open wallet: says who does what. `client` and `opened` are given once, when it was unlocked.
 * Fires `lock` when nothing is under way and the user wants out.
 */
export class AndvariOpenWallet extends LitElement {
  static override properties = { client: { attribute: false }, opened: { attribute: false } };
  static override styles = sharedStyles;

  declare client: MessageClient;
  declare opened: WalletView;
  #session: WalletSession | undefined;
  #flows: LockerFlows | undefined;
  #ratatoskr: RatatoskrFlows | undefined;
  #transfer: TransferFlows | undefined;
  #leaving = new AbortController();

  constructor() {
    super();
    this.opened = {
      coins: [],
      totals: NO_TOTALS,
      network: { serverIds: [], demo: false },
      lockers: [],
    };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    window.addEventListener(
      'beforeunload',
      (event) => {
        const kind = this.#session?.task?.kind;
        const isTask = kind !== undefined && STAY_FOR.includes(kind);
        if (isTask || this.#transfer?.isMoving) event.preventDefault();
      },
      { signal },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leaving.abort();
    this.#ratatoskr?.leave();
    this.#transfer?.leave();
  }

  protected override willUpdate(): void {
    if (this.#session !== undefined) return;
    this.#session = new WalletSession(this.client, this.opened, () => this.requestUpdate());
    this.#flows = new LockerFlows(this.#session, () => this.#dialogs());
    const page = {
      changed: () => this.requestUpdate(),
      ask: (question: Question) => this.#dialogs().confirm.ask(question),
    };
    this.#ratatoskr = new RatatoskrFlows(this.#session, page);
    this.#transfer = new TransferFlows(this.#session, page);
  }

  protected override firstUpdated(): void {
    void this.#begin(this.#now);
  }

  protected override render() {
    const session = this.#now;
    const { wallet } = session;
    return html`
      <andvari-wallet-page
        data-testid="wallet"
        data-ended=${session.ended}
        data-begun=${session.begun}
        .wallet=${wallet}
        .servers=${session.servers}
        .selection=${session.selection}
        .tried=${session.tried}
        .task=${session.task}
        .ratatoskr=${this.#ratatoskr?.state()}
        .transfer=${this.#transfer?.state()}
        .notice=${session.notice}
        .busy=${session.busy}
        .asking=${session.asking}
        @lock=${() => this.dispatchEvent(new CustomEvent('lock'))}
        @coin-files=${(event: CustomEvent<File[]>) => this.#addFiles(event.detail)}
        @demo-coins=${() => this.#takeDemoCoins()}
        @take-locker=${() => this.#lockers.take()}
        @ask-servers=${() => session.askServers()}
        @cancel-task=${() => session.cancelTask()}
        @close-notice=${() => session.say(undefined)}
        @go-on=${() => this.#goOn()}
        @drop-unfinished=${() => this.#dropUnfinished()}
        @selection-change=${(event: CustomEvent<ReadonlySet<number>>) =>
          session.select(event.detail)}
        @wallet-action=${(event: CustomEvent<WalletAction>) => this.#act(event.detail)}
        @heal-coin=${(event: CustomEvent<number>) => this.#heal([event.detail])}
        @locker-action=${(event: CustomEvent<LockerAction>) => this.#lockers.act(event.detail)}
        @check-lockers=${() => this.#lockers.check()}
        @ratatoskr-action=${(event: CustomEvent<RatatoskrAction>) =>
          this.#ratatoskr?.act(event.detail)}
        @transfer-action=${(event: CustomEvent<TransferAction>) =>
          this.#transfer?.act(event.detail)}
      >
        <andvari-peers
          slot="peers"
          .client=${this.client}
          .network=${wallet.network}
        ></andvari-peers>
      </andvari-wallet-page>
      <andvari-confirm></andvari-confirm>
      <andvari-send-dialog></andvari-send-dialog>
      <andvari-take-dialog></andvari-take-dialog>
      <andvari-code-dialog></andvari-code-dialog>
    `;
  }

  /** What happens by itself after unlocking: settle what was left open, then see who answers. */
  async #begin(session: WalletSession): Promise<void> {
    // Without this the browser may evict the coins when the disk fills up.
    void navigator.storage?.persist?.();
    const unsettled = session.wallet.coins.filter((coin) => coin.openServers > 0).length;
    if (unsettled > 0) {
      session.say(interruptedSentence(unsettled));
      await this.#runTask('settle', []);
    }
    const { lockers, network } = session.wallet;
    if (lockers.length > 0 && network.fault === undefined) await this.#lockers.check();
    const open = openPaymentNotice(this.#ratatoskr?.state().view?.payment);
    if (open !== undefined) session.say(open);
    session.begun = true;
    await session.askServers();
  }

  async #act(action: WalletAction): Promise<void> {
    const ids = this.#now.chosenIds();
    if (action === 'detect') return this.#runTask('detect', ids);
    if (action === 'pown') return this.#takeOwnership(ids);
    if (action === 'heal') return this.#heal(ids);
    if (action === 'send') return this.#lockers.send();
    if (action === 'save') return this.#download(ids);
    return this.#remove(ids);
  }

  async #takeOwnership(ids: readonly number[]): Promise<void> {
    const yes = await this.#dialogs().confirm.ask(ownershipQuestion(ids.length));
    if (yes) await this.#runTask('pown', ids);
  }

  async #heal(ids: readonly number[]): Promise<void> {
    const session = this.#now;
    const { client } = session;
    const fracked = session.coinsHere().filter(({ grade }) => grade === 'fracked');
    const healing = fracked.map(({ id }) => id).filter((id) => ids.includes(id));
    await session.runTask(
      'heal',
      (options) => client.call('heal', { ids: healing }, options),
      ({ result, stopped }) => {
        session.tried = stopped ? new Set() : new Set(healing);
        return healedSentence(
          result.coins.filter(({ id }) => healing.includes(id)),
          stopped,
        );
      },
    );
  }

  async #goOn(): Promise<void> {
    const { unfinished } = this.#now.wallet;
    if (unfinished?.kind === 'heal') return this.#heal(unfinished.ids);
    if (unfinished?.kind === 'take') return this.#lockers.takeFrom({ from: 'unfinished' });
  }

  async #dropUnfinished(): Promise<void> {
    const session = this.#now;
    await session.work(async () => {
      session.show(await session.client.call('dropUnfinished', null));
    });
  }

  async #addFiles(files: readonly File[]): Promise<void> {
    const session = this.#now;
    await session.work(async () => {
      const counts = { addedCount: 0, knownCount: 0, twofoldCount: 0 };
      const faults: string[] = [];
      for (const file of wantedFiles(files, faults)) {
        try {
          const bytes = new Uint8Array(await file.arrayBuffer());
          const params = { name: file.name, bytes };
          const transfer = [bytes.buffer];
          const added = await session.client.call('add', params, { transfer });
          counts.addedCount += added.addedCount;
          counts.knownCount += added.knownCount;
          counts.twofoldCount += added.twofoldCount;
          session.show(added.wallet);
        } catch (error) {
          faults.push(sentenceOf(error));
        }
      }
      session.say(addedSentence(counts, faults));
    });
  }

  async #takeDemoCoins(): Promise<void> {
    const session = this.#now;
    await session.work(async () => {
      const added = await session.client.call('demo', null);
      session.show(added.wallet);
      session.say(addedSentence(added, []));
    });
  }

  async #download(ids: readonly number[]): Promise<void> {
    const session = this.#now;
    await session.work(async () => {
      const files = await session.client.call('save', { ids });
      for (const file of files) saveFile(file);
      session.say(savedSentence(files, ids.length));
    });
  }

  async #remove(ids: readonly number[]): Promise<void> {
    const session = this.#now;
    const yes = await this.#dialogs().confirm.ask(removalQuestion(ids.length));
    if (!yes) return;
    await session.work(async () => {
      session.show(await session.client.call('remove', { ids }));
      session.say({ tone: 'good', text: `${countOf(ids.length, 'coin')} removed.` });
    });
  }

  async #runTask(kind: 'detect' | 'pown' | 'settle', ids: readonly number[]): Promise<void> {
    const { client } = this.#now;
    await this.#now.runTask(
      kind,
      (options) =>
        kind === 'settle'
          ? client.call('settle', null, options)
          : client.call(kind, { ids }, options),
      ({ result, stopped, ids: about }) => {
        const coins = result.coins.filter((coin) => about.has(coin.id));
        return resultSentence(kind, coins, stopped);
      },
    );
  }

  get #now(): WalletSession {
    if (this.#session === undefined) throw new Error('the wallet page is not drawn yet');
    return this.#session;
  }

  get #lockers(): LockerFlows {
    if (this.#flows === undefined) throw new Error('the wallet page is not drawn yet');
    return this.#flows;
  }

  #dialogs(): Dialogs {
    const dialog = <Found>(name: string) => this.renderRoot.querySelector(name) as Found;
    return {
      confirm: dialog('andvari-confirm'),
      send: dialog('andvari-send-dialog'),
      take: dialog('andvari-take-dialog'),
      code: dialog('andvari-code-dialog'),
      giveBackFocus: () => dialog<AndvariWalletPage>('andvari-wallet-page').giveBackFocus(),
    };
  }
}

customElements.define('andvari-open-wallet', AndvariOpenWallet);
