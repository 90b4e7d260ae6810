import { css, html, LitElement, nothing } from 'lit';
import type { CoinView, LockerView } from '../worker/views.ts';
import { formatValue, piecesOf } from './format.ts';
import { lockerState } from './locker-words.ts';
import { sharedStyles } from './shared-styles.ts';

export interface LockerAction {
  readonly action: 'show' | 'take' | 'pass';
  readonly lockerId: number;
}

/**
 * Lockers with coins of this wallet: what is in each, and what can be done. Fires `locker-action`
 * with a LockerAction and `check-lockers`.
 */
export class AndvariLockers extends LitElement {
  static override properties = {
    lockers: { attribute: false },
    coins: { attribute: false },
    busy: { type: Boolean },
  };
  static override styles = [
    sharedStyles,
    css`
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.5rem 1rem;
        margin: 0.75rem 0 0.8rem;
      }
      .lockers {
        display: grid;
        gap: 0.7rem;
      }
      .locker {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.6rem 1rem;
        padding: 0.9rem 1.1rem;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      .what {
        flex: 1 1 14rem;
        overflow-wrap: anywhere;
      }
      .value {
        font: 600 1.25rem/1.3 var(--serif);
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
      }
    `,
  ];

  declare lockers: readonly LockerView[];
  /** All coins of the wallet. */
  declare coins: readonly CoinView[];
  declare busy: boolean;

  constructor() {
    super();
    this.lockers = [];
    this.coins = [];
    this.busy = false;
  }

  protected override render() {
    return html`<section aria-labelledby="title">
      <div class="head">
        <h2 id="title">Lockers</h2>
        <button
          type="button"
          ?disabled=${this.busy}
          data-testid="check-lockers"
          @click=${() => this.dispatchEvent(new CustomEvent('check-lockers'))}
        >
          Ask what is inside
        </button>
      </div>
      <ul class="lockers">
        ${this.lockers.map((locker) => this.#locker(locker))}
      </ul>
    </section>`;
  }

  #locker(locker: LockerView) {
    const { id, ids, units, checked, insideCount, goneCount } = locker;
    const coins = this.coins.filter((coin) => ids.includes(coin.id));
    const emptied = goneCount === ids.length;
    return html`<li
      class="locker"
      data-testid="locker"
      data-checked=${checked}
      data-inside=${insideCount}
      data-gone=${goneCount}
      data-count=${ids.length}
    >
      <div class="what">
        <p class="value number">${formatValue(units)}</p>
        <p class="number soft">${piecesOf(coins)}</p>
        <p data-testid="locker-state">${lockerState(locker)}</p>
      </div>
      <div class="buttons" role="group" aria-label="Locker with ${formatValue(units)}">
        ${emptied ? nothing : this.#button(id, 'show', 'Show code')}
        ${emptied ? nothing : this.#button(id, 'take', 'Take back')}
        ${this.#button(id, 'pass', emptied ? 'Forget' : 'Passed on…')}
      </div>
    </li>`;
  }

  #button(lockerId: number, action: LockerAction['action'], word: string) {
    const detail: LockerAction = { action, lockerId };
    return html`<button
      type="button"
      ?disabled=${this.busy}
      data-testid="locker-${action}"
      @click=${() => this.dispatchEvent(new CustomEvent('locker-action', { detail }))}
    >
      ${word}
    </button>`;
  }
}

customElements.define('andvari-lockers', AndvariLockers);
