import { html, LitElement, nothing, type PropertyValues } from 'lit';
import type { CoinView, Grade, NetworkView, TotalsView, TotalView } from '../worker/messages.ts';
import './coin-list.ts';
import { countOf, formatValue, GRADE_MEANINGS, NO_TOTALS, unitsOf } from './format.ts';
import './intake.ts';
import './ring.ts';
import { lightsOf, type ServerState } from './servers.ts';
import { sharedStyles } from './shared-styles.ts';
import type { TaskState } from './task.ts';
import './task-panel.ts';
import { walletPageStyles } from './wallet-page-styles.ts';

/** One sentence that stays until the next one or until it is closed. */
export interface Notice {
  readonly tone: 'good' | 'plain' | 'bad';
  readonly text: string;
}

/** What the page asks its owner to do; `ids` empty means every coin. */
export type WalletAction = 'detect' | 'pown' | 'save' | 'remove';

/** The open wallet: totals, intake, coins, servers. Holds no secret and does nothing itself. */
export class AndvariWalletPage extends LitElement {
  static override properties = {
    coins: { attribute: false },
    totals: { attribute: false },
    network: { attribute: false },
    servers: { attribute: false },
    selection: { attribute: false },
    task: { attribute: false },
    notice: { attribute: false },
    busy: { type: Boolean },
    asking: { type: Boolean },
  };
  static override styles = [sharedStyles, walletPageStyles];

  declare coins: readonly CoinView[];
  declare totals: TotalsView;
  declare network: NetworkView;
  declare servers: readonly ServerState[];
  declare selection: ReadonlySet<number>;
  declare task: TaskState | undefined;
  declare notice: Notice | undefined;
  declare busy: boolean;
  /** The servers are being asked for an echo. */
  declare asking: boolean;
  #usedBefore: Element | null | undefined;

  constructor() {
    super();
    this.coins = [];
    this.totals = NO_TOTALS;
    this.network = { serverIds: [], demo: false };
    this.servers = [];
    this.selection = new Set();
    this.busy = false;
    this.asking = false;
  }

  protected override firstUpdated(): void {
    // From the passphrase to where the wallet begins, for the keyboard and for screen readers.
    this.renderRoot.querySelector('h1')?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('task') || (changed.get('task') === undefined) === !this.task) return;
    // Buttons are off during a task: remember which was in use.
    if (this.task !== undefined) this.#usedBefore = this.shadowRoot?.activeElement;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has('task') || (changed.get('task') === undefined) === !this.task) return;
    const panel = this.renderRoot.querySelector<LitElement>('andvari-task-panel');
    const used = this.#usedBefore;
    if (!(used instanceof HTMLElement)) return;
    if (this.task !== undefined) void panel?.updateComplete.then(() => panel.focus());
    else if (this.#isFocusFree(panel)) void this.updateComplete.then(() => used.focus());
  }

  /** The user has not gone elsewhere meanwhile. */
  #isFocusFree(panel: Element | null): boolean {
    const active = this.shadowRoot?.activeElement;
    return active === null || active === undefined || active === panel;
  }

  protected override render() {
    const empty = this.coins.length === 0;
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
          ?demo=${this.network.demo}
          ?busy=${this.busy}
          ?empty=${empty}
          @coin-files=${(event: CustomEvent) => this.#fire('coin-files', event.detail)}
          @demo-coins=${() => this.#fire('demo-coins')}
        ></andvari-intake>
        ${empty ? nothing : this.#coins()}
        <andvari-servers
          .servers=${this.servers}
          ?busy=${this.busy || this.asking}
          @ask-servers=${() => this.#fire('ask-servers')}
        ></andvari-servers>
      </main>
    `;
  }

  #hero() {
    const { totals } = this;
    const lights = this.task?.servers ?? lightsOf(this.servers);
    const value = formatValue(totals.authentic.units);
    const coins = countOf(this.coins.length, 'coin');
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
          ${this.coins.length === 0 ? 'Your wallet is open and empty' : `${coins} in this browser`}
        </h1>
        <dl class="totals">
          ${this.#total('authentic', 'Authentic', totals.authentic)}
          ${this.#total('fracked', 'of them fracked', totals.fracked)}
          ${this.#total('limbo', 'Limbo', totals.limbo)}
          ${this.#total('counterfeit', 'Counterfeit', totals.counterfeit)}
          ${this.#total('untested', 'Not checked', totals.untested)}
        </dl>
      </div>
    </section>`;
  }

  #total(name: Grade, word: string, { count, units }: TotalView) {
    const meaning = GRADE_MEANINGS[name];
    return html`<div class="total ${count === 0 ? 'none' : name}" title=${meaning}>
      <dt>${word}</dt>
      <dd class="number" data-testid="total-${name}">${count.toLocaleString('en-US')}</dd>
      <dd class="number soft">${count === 0 ? '' : formatValue(units)}</dd>
    </div>`;
  }

  #notices() {
    const { notice } = this;
    const fault = this.network.fault;
    return html`
      <div role="status" aria-live="polite">
        ${notice === undefined || notice.tone === 'bad' ? nothing : this.#notice(notice)}
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

  #coins() {
    return html`<section aria-labelledby="coins-title">
      <div class="actions">
        <h2 id="coins-title">Coins</h2>
        <div class="buttons" role="group" aria-label=${this.#actionScope()}>
          ${this.#action('detect', 'Detect', 'primary')}
          ${this.#action('pown', 'Take ownership', '')}
          ${this.#action('save', 'Download', '')}
          ${this.#action('remove', 'Remove', 'danger', this.selection.size === 0)}
        </div>
      </div>
      <p class="soft explain">
        <strong>Detect</strong> asks the servers whether coins are authentic.
        <strong>Take ownership</strong> gives every server a new secret for the coin, so that
        whoever gave it to you can no longer spend it. Buttons act on
        <span data-testid="action-scope">${this.#actionScope()}</span>.
      </p>
      <andvari-coin-list
        class="card"
        .coins=${this.coins}
        .selection=${this.selection}
        @selection-change=${(event: CustomEvent) => this.#fire('selection-change', event.detail)}
      ></andvari-coin-list>
    </section>`;
  }

  #actionScope(): string {
    const size = this.selection.size;
    if (size === 0) return `all ${countOf(this.coins.length, 'coin')}`;
    const units = unitsOf(this.coins.filter((coin) => this.selection.has(coin.id)));
    return `the ${countOf(size, 'selected coin')}, value ${formatValue(units)}`;
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

const MARK = new URL('./mark.svg', import.meta.url).href;

customElements.define('andvari-wallet-page', AndvariWalletPage);
