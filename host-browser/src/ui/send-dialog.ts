import { css, html, LitElement, nothing } from 'lit';
import { WorkerFailure } from '../worker/messages.ts';
import type { CoinView } from '../worker/views.ts';
import { dialogStyles } from './dialog-styles.ts';
import { countOf, formatValue, parseAmount, piecesOf, unitsOf } from './format.ts';
import { amountFault, ownCoins } from './locker-words.ts';
import { sharedStyles } from './shared-styles.ts';
import { sentenceOf } from './wallet-session.ts';

export interface SendOffer {
  /** Coins that can go into a locker. */
  readonly coins: readonly CoinView[];
  readonly selection: ReadonlySet<number>;
  /** Ids of coins of exactly this value. Rejects with WorkerFailure. */
  choose(units: bigint): Promise<readonly number[]>;
}

type What = 'selected' | 'amount';

/** Which coins go into a locker: the selected ones or an amount, and then a last look at them. */
export class AndvariSendDialog extends LitElement {
  static override properties = {
    offer: { state: true },
    what: { state: true },
    chosen: { state: true },
    fault: { state: true },
  };
  static override styles = [
    sharedStyles,
    dialogStyles,
    css`
      fieldset {
        margin: 0.9rem 0 0;
        padding: 0;
        border: 0;
      }
      .choice {
        display: flex;
        align-items: center;
        gap: 0.6rem;
        min-height: 2.75rem;
        cursor: pointer;
      }
      .choice input {
        width: 1.15rem;
        height: 1.15rem;
        accent-color: var(--accent);
      }
      .pieces {
        font: 600 1.1rem/1.4 var(--serif);
      }
    `,
  ];

  declare offer: SendOffer | undefined;
  declare what: What;
  /** Coins to be confirmed; undefined: they are still to be chosen. */
  declare chosen: readonly CoinView[] | undefined;
  declare fault: string;
  #answer: ((ids: readonly number[] | undefined) => void) | undefined;

  constructor() {
    super();
    this.what = 'amount';
    this.fault = '';
  }

  /** Ids of the coins to send; undefined: cancelled. */
  async ask(offer: SendOffer): Promise<readonly number[] | undefined> {
    this.#answer?.(undefined);
    this.offer = offer;
    this.what = offer.selection.size > 0 ? 'selected' : 'amount';
    this.chosen = undefined;
    this.fault = '';
    const { promise, resolve } = Promise.withResolvers<readonly number[] | undefined>();
    this.#answer = resolve;
    await this.updateComplete;
    const field = this.#amountField;
    if (field !== null) field.value = '';
    this.#dialog?.showModal();
    return promise;
  }

  protected override render() {
    return html`<dialog aria-labelledby="title" data-testid="send-dialog" @close=${this.#closed}>
      ${this.chosen === undefined ? this.#choice() : this.#confirmation(this.chosen)}
    </dialog>`;
  }

  #choice() {
    const selected = this.#selected;
    const value = formatValue(unitsOf(selected));
    const own = ownCoins(this.offer?.coins ?? []);
    return html`<form novalidate @submit=${this.#next}>
      <h2 id="title">Send coins through a locker</h2>
      <p>
        Coins wait in a locker on the servers for whoever has its code. You hand over the code.
      </p>
      <fieldset>
        <legend class="for-reader">What to send</legend>
        ${
          selected.length === 0
            ? nothing
            : html`${this.#radio(
                'selected',
                `The ${countOf(selected.length, 'selected coin')}, value ${value}`,
              )}
              ${this.#radio('amount', 'An amount')}`
        }
      </fieldset>
      <div class="field" ?hidden=${this.what !== 'amount'}>
        <label for="amount">Amount</label>
        <input
          id="amount"
          type="text"
          inputmode="decimal"
          autocomplete="off"
          aria-describedby="own fault"
          aria-invalid=${this.fault !== ''}
          data-testid="send-amount"
        />
        <span class="soft number" id="own">
          Made up of coins that are yours alone: ${formatValue(unitsOf(own))}
          ${selected.length === 0 ? 'in all. To send other coins, select them first.' : 'in all.'}
        </span>
      </div>
      <p class="fault" id="fault" role="alert" data-testid="send-fault">${this.fault}</p>
      <div class="buttons">
        <button type="button" data-testid="send-no" @click=${() => this.#end(undefined)}>
          Cancel
        </button>
        <button type="submit" class="primary" data-testid="send-next">Next</button>
      </div>
    </form>`;
  }

  #radio(what: What, words: string) {
    return html`<label class="choice number">
      <input
        type="radio"
        name="what"
        value=${what}
        .checked=${this.what === what}
        data-testid="send-what-${what}"
        @change=${() => {
          this.what = what;
          this.fault = '';
        }}
      />
      ${words}
    </label>`;
  }

  #confirmation(coins: readonly CoinView[]) {
    return html`<h2 id="title" tabindex="-1">
        Put ${countOf(coins.length, 'coin')} into a locker?
      </h2>
      <p class="pieces number" data-testid="send-pieces">${piecesOf(coins)}</p>
      <p>Value ${formatValue(unitsOf(coins))} in all.</p>
      <p class="warning">
        <strong>Whoever has the code has the coins.</strong> It is shown when they are in the
        locker. Until somebody takes them you can take them back.
      </p>
      <div class="buttons">
        <button type="button" data-testid="send-no" @click=${() => this.#end(undefined)}>
          Cancel
        </button>
        <button
          type="button"
          class="primary"
          data-testid="send-yes"
          @click=${() => this.#end(coins.map(({ id }) => id))}
        >
          Put into a locker
        </button>
      </div>`;
  }

  get #selected(): readonly CoinView[] {
    const { offer } = this;
    return offer?.coins.filter(({ id }) => offer.selection.has(id)) ?? [];
  }

  async #next(event: Event): Promise<void> {
    event.preventDefault();
    const { offer } = this;
    if (offer === undefined) return;
    this.fault = '';
    if (this.what === 'selected') this.chosen = this.#selected;
    else await this.#choose(offer);
    await this.updateComplete;
    if (this.chosen === undefined) this.#amountField?.select();
    else this.renderRoot.querySelector('h2')?.focus();
  }

  async #choose({ coins, choose }: SendOffer): Promise<void> {
    const units = parseAmount(this.#amountField?.value ?? '');
    if (units === undefined) {
      this.fault = 'Type an amount above 0, such as 100 or 0.25.';
      return;
    }
    try {
      const ids = new Set(await choose(units));
      this.chosen = coins.filter(({ id }) => ids.has(id));
    } catch (error) {
      const amount = error instanceof WorkerFailure && error.code === 'ANDVARI_WALLET_AMOUNT';
      this.fault = amount ? amountFault(units, coins) : sentenceOf(error);
    }
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  get #amountField(): HTMLInputElement | null {
    return this.renderRoot.querySelector('#amount');
  }

  #end(ids: readonly number[] | undefined): void {
    this.#answer?.(ids);
    this.#answer = undefined;
    this.#dialog?.close();
  }

  /** Escape. The event comes late: the next question may be open by now. */
  #closed(): void {
    if (this.#dialog?.open === false) this.#end(undefined);
  }
}

customElements.define('andvari-send-dialog', AndvariSendDialog);
