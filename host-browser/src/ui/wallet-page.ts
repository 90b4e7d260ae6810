import { html, LitElement, nothing, type PropertyValues } from 'lit';
import type {
  CoinView,
  TotalsView,
  TotalView,
  UnfinishedView,
  WalletView,
} from '../worker/views.ts';
import './coin-list.ts';
import { countOf, formatValue, NO_TOTALS, TOTAL_MEANINGS, unitsOf } from './format.ts';
import './intake.ts';
import './lockers.ts';
import './ratatoskr.ts';
import type { Notice } from './notice.ts';
import type { RatatoskrState } from './ratatoskr-state.ts';
import './ring.ts';
import { lightsOf, type ServerState } from './servers.ts';
import { sharedStyles } from './shared-styles.ts';
import type { TaskState } from './task.ts';
import './task-panel.ts';
import './transfer.ts';
import { unfinishedSentence } from './app-words.ts';
import type { TransferState } from './transfer-state.ts';
import { walletPageStyles } from './wallet-page-styles.ts';

/** What the page asks its owner to do with the selected coins, or with all if none is. */
export type WalletAction = 'detect' | 'pown' | 'heal' | 'send' | 'save' | 'remove';

/** The open wallet: totals, intake, lockers, coins, servers. Holds no secret, only shows. */
export class AndvariWalletPage extends LitElement {
  static override properties = {
    wallet: { attribute: false },
    servers: { attribute: false },
    selection: { attribute: false },
    tried: { attribute: false },
    task: { attribute: false },
    ratatoskr: { attribute: false },
    transfer: { attribute: false },
    notice: { attribute: false },
    busy: { type: Boolean },
    asking: { type: Boolean },
  };
  static override styles = [sharedStyles, walletPageStyles];

  declare wallet: WalletView;
  declare servers: readonly ServerState[];
  declare selection: ReadonlySet<number>;
  /** Coins that healing was last about. */
  declare tried: ReadonlySet<number>;
  declare task: TaskState | undefined;
  declare ratatoskr: RatatoskrState | undefined;
  declare transfer: TransferState | undefined;
  declare notice: Notice | undefined;
  declare busy: boolean;
  /** The servers are being asked for an echo. */
  declare asking: boolean;
  #usedBefore: HTMLElement | undefined;

  constructor() {
    super();
    const network = { serverIds: [], demo: false };
    this.wallet = { coins: [], totals: NO_TOTALS, network, lockers: [] };
    this.servers = [];
    this.selection = new Set();
    this.tried = new Set();
    this.busy = false;
    this.asking = false;
  }

  protected override firstUpdated(): void {
    // From the passphrase to where the wallet begins, for the keyboard and for screen readers.
    this.renderRoot.querySelector('h1')?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    // Buttons are off during work: remember which was in use.
    if (!changed.has('busy') || !this.busy) return;
    this.#usedBefore = focusedIn(this.shadowRoot) ?? this.#usedBefore;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const panel = this.renderRoot.querySelector<LitElement>('andvari-task-panel');
    if (changed.has('task') && changed.get('task') === undefined && this.task !== undefined) {
      if (this.#usedBefore) void panel?.updateComplete.then(() => panel.focus());
    }
    if (changed.has('busy') && !this.busy && this.#isFocusFree(panel)) void this.giveBackFocus();
  }

  /** To the button that was in use; where the work has taken that away, to its part of the page. */
  async giveBackFocus(): Promise<void> {
    const used = this.#usedBefore;
    if (used === undefined) return;
    await this.updateComplete;
    // The rows below draw themselves after the page has.
    await new Promise(requestAnimationFrame);
    if (used.isConnected && !used.matches(':disabled')) used.focus();
    else (this.#part('#coins-title') ?? this.#part('h1'))?.focus();
  }

  #part(selector: string): HTMLElement | null {
    return this.renderRoot.querySelector(selector);
  }

  /** The user has not gone elsewhere meanwhile. */
  #isFocusFree(panel: Element | null): boolean {
    const active = focusedIn(this.shadowRoot);
    if (active === undefined || active.matches(':disabled')) return true;
    return active.getRootNode() === panel?.shadowRoot;
  }

  protected override render() {
    const { coins, network, lockers } = this.wallet;
    const here = this.#coinsHere;
    return html`
      <header class="top">
        <img src=${MARK} alt="" width="34" height="34" />
        <span class="name">Andvari</span>
        <button
          type="button"
          data-testid="lock"
          ?disabled=${this.busy}
          @click=${() => this.#fire('lock')}
        >
          Lock
        </button>
      </header>
      <main>
        ${this.#hero()}
        <div class="news">
          ${this.#notices()}
          <andvari-task-panel .task=${this.task} @cancel-task=${() => this.#fire('cancel-task')}>
          </andvari-task-panel>
        </div>
        <andvari-intake
          ?hidden=${this.task !== undefined}
          ?demo=${network.demo}
          ?busy=${this.busy}
          ?empty=${coins.length === 0}
          @coin-files=${(event: CustomEvent) => this.#fire('coin-files', event.detail)}
          @demo-coins=${() => this.#fire('demo-coins')}
          @take-locker=${() => this.#fire('take-locker')}
        ></andvari-intake>
        ${
          lockers.length === 0
            ? nothing
            : html`<andvari-lockers
                .lockers=${lockers}
                .coins=${coins}
                ?busy=${this.busy}
                @locker-action=${(event: CustomEvent) => this.#fire('locker-action', event.detail)}
                @check-lockers=${() => this.#fire('check-lockers')}
              ></andvari-lockers>`
        }
        ${here.length === 0 ? nothing : this.#coins(here)}
        ${
          this.ratatoskr === undefined
            ? nothing
            : html`<andvari-ratatoskr
                .state=${this.ratatoskr}
                ?busy=${this.busy}
                @ratatoskr-action=${(event: CustomEvent) =>
                  this.#fire('ratatoskr-action', event.detail)}
              ></andvari-ratatoskr>`
        }
        ${
          this.transfer === undefined
            ? nothing
            : html`<andvari-transfer
                .state=${this.transfer}
                @transfer-action=${(event: CustomEvent) =>
                  this.#fire('transfer-action', event.detail)}
              ></andvari-transfer>`
        }
        <slot name="peers"></slot>
        <andvari-servers
          .servers=${this.servers}
          .peers=${this.wallet.network.peers}
          ?busy=${this.busy || this.asking}
          @ask-servers=${() => this.#fire('ask-servers')}
        ></andvari-servers>
      </main>
    `;
  }

  #hero() {
    const { totals, lockers } = this.wallet;
    const here = this.#coinsHere;
    const empty = here.length + lockers.length === 0;
    const lights = this.task?.servers ?? lightsOf(this.servers);
    const value = formatValue(totals.authentic.units);
    const coins = countOf(here.length, 'coin');
    return html`<section class="hero" aria-label="Totals">
      <andvari-ring .lights=${lights}>
        <p
          class="worth number"
          data-length=${value.length > 9 ? 'long' : 'short'}
          data-testid="worth"
        >
          ${value}
        </p>
        <p class="unit">CloudCoin, authentic</p>
      </andvari-ring>
      <div>
        <h1 tabindex="-1">
          ${empty ? 'Your wallet is open and empty' : `${coins} in this browser`}
        </h1>
        <dl class="totals">
          ${this.#total('authentic', 'Authentic', totals.authentic)}
          ${this.#total('fracked', 'of them fracked', totals.fracked)}
          ${this.#total('limbo', 'Limbo', totals.limbo)}
          ${this.#total('counterfeit', 'Counterfeit', totals.counterfeit)}
          ${this.#total('untested', 'Not checked', totals.untested)}
          ${totals.locked.count > 0 ? this.#total('locked', 'In lockers', totals.locked) : nothing}
        </dl>
      </div>
    </section>`;
  }

  #total(name: keyof TotalsView, word: string, { count, units }: TotalView) {
    const meaning = TOTAL_MEANINGS[name];
    return html`<div class="total ${count === 0 ? 'none' : name}" title=${meaning}>
      <dt>${word}</dt>
      <dd class="number" data-testid="total-${name}">${count.toLocaleString('en-US')}</dd>
      <dd class="number soft">${count === 0 ? '' : formatValue(units)}</dd>
    </div>`;
  }

  #notices() {
    const { notice } = this;
    const { network, unfinished } = this.wallet;
    const { fault } = network;
    return html`
      <div role="status" aria-live="polite">
        ${notice === undefined || notice.tone === 'bad' ? nothing : this.#notice(notice)}
        ${unfinished === undefined || this.task ? nothing : this.#offer(unfinished)}
      </div>
      <div role="alert">
        ${notice?.tone === 'bad' ? this.#notice(notice) : nothing}
        ${
          fault === undefined
            ? nothing
            : html`<p class="notice bad" data-testid="network-fault">${fault}</p>`
        }
      </div>
    `;
  }

  #notice({ tone, text }: Notice) {
    return html`<p class="notice ${tone}" data-testid="notice" data-tone=${tone}>
      <span>${text}</span>
      <button
        type="button"
        aria-label="Close this message"
        @click=${() => this.#fire('close-notice')}
      >
        ✕
      </button>
    </p>`;
  }

  /** What a reload cut off stays on offer until it is done or not wanted. */
  #offer(unfinished: UnfinishedView) {
    return html`<div class="notice" data-testid="unfinished">
      <span>${unfinishedSentence(unfinished)}</span>
      <span class="buttons">
        <button
          type="button"
          class="primary"
          ?disabled=${this.busy}
          data-testid="go-on"
          @click=${() => this.#fire('go-on')}
        >
          Go on
        </button>
        <button
          type="button"
          ?disabled=${this.busy}
          data-testid="drop-unfinished"
          @click=${() => this.#fire('drop-unfinished')}
        >
          Not now
        </button>
      </span>
    </div>`;
  }

  #coins(here: readonly CoinView[]) {
    const fracked = this.#scope(here).filter(({ grade }) => grade === 'fracked').length;
    const healing = fracked === 0 ? 'Heal' : `Heal ${fracked.toLocaleString('en-US')} fracked`;
    return html`<section aria-labelledby="coins-title">
      <div class="actions">
        <h2 id="coins-title" tabindex="-1">Coins</h2>
        <div class="buttons" role="group" aria-label=${this.#actionScope()}>
          ${this.#action('detect', 'Detect', 'primary')}
          ${this.#action('pown', 'Take ownership', '')}
          ${this.#action('heal', healing, '', fracked === 0)}
          ${this.#action('send', 'Send…', '')}
          ${this.#action('save', 'Download', '')}
          ${this.#action('remove', 'Remove', 'danger', this.selection.size === 0)}
        </div>
      </div>
      <p class="soft explain">
        <strong>Detect</strong> asks the servers whether coins are authentic.
        <strong>Take ownership</strong> gives every server a new secret for the coin, so that
        whoever gave it to you can no longer spend it. <strong>Heal</strong> makes a fracked coin
        known again to servers that deny it. <strong>Send</strong> puts coins into a locker for
        whoever has its code. Buttons act on
        <span data-testid="action-scope">${this.#actionScope()}</span>.
      </p>
      <andvari-coin-list
        class="card"
        .coins=${here}
        .selection=${this.selection}
        .tried=${this.tried}
        ?busy=${this.busy}
        @selection-change=${(event: CustomEvent) => this.#fire('selection-change', event.detail)}
        @heal-coin=${(event: CustomEvent) => this.#fire('heal-coin', event.detail)}
      ></andvari-coin-list>
    </section>`;
  }

  /** Coins in lockers are elsewhere; those that a change is to make are not there yet. */
  get #coinsHere(): readonly CoinView[] {
    return this.wallet.coins.filter(({ place }) => place === 'wallet' || place === 'change');
  }

  #scope(here: readonly CoinView[]): readonly CoinView[] {
    if (this.selection.size === 0) return here;
    return here.filter((coin) => this.selection.has(coin.id));
  }

  #actionScope(): string {
    const scope = this.#scope(this.#coinsHere);
    if (this.selection.size === 0) return `all ${countOf(scope.length, 'coin')}`;
    return `the ${countOf(scope.length, 'selected coin')}, value ${formatValue(unitsOf(scope))}`;
  }

  #action(action: WalletAction, word: string, kind: string, disabled = false) {
    return html`<button
      type="button"
      class=${kind}
      data-testid=${action}
      ?disabled=${this.busy || disabled}
      @click=${() => this.#fire('wallet-action', action)}
    >
      ${word}
    </button>`;
  }

  #fire(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The focused element, also inside components. */
function focusedIn(root: DocumentOrShadowRoot | null): HTMLElement | undefined {
  const active = root?.activeElement;
  if (active === null || active === undefined) return undefined;
  const inside = focusedIn(active.shadowRoot);
  return inside ?? (active instanceof HTMLElement ? active : undefined);
}

const MARK = new URL('./mark.svg', import.meta.url).href;

customElements.define('andvari-wallet-page', AndvariWalletPage);
