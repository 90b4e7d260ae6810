import { css, html, LitElement, nothing } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { type CoinView, type Grade, Light } from '../worker/views.ts';
import './coin-row.ts';
import { countOf, countsOf, formatValue, GRADE_WORDS, LIGHT_WORDS, unitsOf } from './format.ts';
import { LIGHT_SHAPES } from './light-shapes.ts';
import { lightStyles } from './light-styles.ts';
import { sharedStyles } from './shared-styles.ts';

/** Rows of one page: each has 25 lights, and 50 such rows still lay out within one frame. */
const PAGE_ROWS = 50;
type Filter = Grade | 'all';
const FILTERS: readonly Filter[] = [
  'all',
  'authentic',
  'fracked',
  'limbo',
  'counterfeit',
  'untested',
];
const LEGEND = [Light.PASS, Light.FAIL, Light.SILENT, Light.ERROR, Light.PENDING] as const;

/**
 * The coins, a page at a time, with a filter by grade and a selection that outlives paging.
 * Fires `selection-change` with the selected ids, which the owner gives back as `selection`, and
 * `heal-coin` with the id of a fracked coin.
 */
export class AndvariCoinList extends LitElement {
  static override properties = {
    coins: { attribute: false },
    selection: { attribute: false },
    tried: { attribute: false },
    busy: { type: Boolean },
    filter: { state: true },
    page: { state: true },
  };
  static override styles = [
    sharedStyles,
    lightStyles,
    css`
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 1rem;
        padding: 0.7rem 1.1rem;
        border-bottom: 1px solid var(--line);
      }
      .filters {
        display: flex;
        flex-wrap: wrap;
        gap: 0.35rem;
      }
      .filters button {
        min-height: 2.1rem;
        padding: 0.2rem 0.75rem;
        border-color: var(--line);
        border-radius: 2em;
        font-size: 0.9rem;
      }
      .filters button[aria-pressed='true'] {
        background: var(--ink);
        border-color: var(--ink);
        color: var(--ground);
      }
      .all {
        display: flex;
        align-items: center;
        gap: 0.6rem;
        min-height: 2.1rem;
        margin-inline-end: auto;
        cursor: pointer;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 0.2rem 1rem;
        padding: 0.5rem 1.1rem;
        border-bottom: 1px solid var(--line);
        font-size: 0.8rem;
        color: var(--ink-soft);
      }
      .legend li {
        display: flex;
        align-items: center;
        gap: 0.35rem;
      }
      .legend svg {
        width: 12px;
        height: 12px;
      }
      .coins > li + li {
        border-top: 1px solid var(--line);
      }
      .coins > li:hover {
        background: color-mix(in srgb, var(--wash) 45%, transparent);
      }
      .pages {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: center;
        gap: 0.5rem 1rem;
        padding: 0.8rem 1.1rem;
        border-top: 1px solid var(--line);
      }
      .none {
        padding: 2.2rem 1.1rem;
        text-align: center;
        color: var(--ink-soft);
      }
      @media (max-width: 40rem) {
        .bar,
        .legend {
          padding-inline: 0.8rem;
        }
      }
      @media (forced-colors: active) {
        .filters button[aria-pressed='true'] {
          forced-color-adjust: none;
          background: Highlight;
          color: HighlightText;
        }
      }
    `,
  ];

  declare coins: readonly CoinView[];
  declare selection: ReadonlySet<number>;
  /** Coins that healing was last about. */
  declare tried: ReadonlySet<number>;
  declare busy: boolean;
  declare filter: Filter;
  declare page: number;

  constructor() {
    super();
    this.coins = [];
    this.selection = new Set();
    this.tried = new Set();
    this.busy = false;
    this.filter = 'all';
    this.page = 0;
  }

  protected override render() {
    const shown =
      this.filter === 'all' ? this.coins : this.coins.filter((coin) => coin.grade === this.filter);
    const pageCount = Math.max(1, Math.ceil(shown.length / PAGE_ROWS));
    const page = Math.min(this.page, pageCount - 1);
    const rows = shown.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS);
    return html`
      <div class="bar">${this.#selectAll(shown)} ${this.#filters()}</div>
      <ul class="legend" aria-label="What the lights mean">
        ${LEGEND.map(
          (light) =>
            html`<li>
              <svg viewBox="0 0 14 14" aria-hidden="true">${LIGHT_SHAPES[light]}</svg>
              ${LIGHT_WORDS[light]}
            </li>`,
        )}
      </ul>
      <ul class="coins" aria-label="Coins" data-testid="coins">
        ${repeat(
          rows,
          (coin) => coin.id,
          (coin) => html`<li data-testid="coin" data-coin=${nameOf(coin)} data-grade=${coin.grade}>
            <andvari-coin-row
              .coin=${coin}
              .selected=${this.selection.has(coin.id)}
              .tried=${this.tried.has(coin.id)}
              .busy=${this.busy}
              @coin-select=${this.#select}
              @coin-heal=${this.#heal}
            ></andvari-coin-row>
          </li>`,
        )}
      </ul>
      ${rows.length === 0 ? html`<p class="none">No coin here has this grade.</p>` : nothing}
      ${pageCount > 1 ? this.#pages(page, pageCount, shown.length) : nothing}
    `;
  }

  #selectAll(shown: readonly CoinView[]) {
    const selectedCount = shown.filter((coin) => this.selection.has(coin.id)).length;
    const units = unitsOf(this.coins.filter((coin) => this.selection.has(coin.id)));
    const what =
      this.selection.size === 0
        ? `Select all ${countOf(shown.length, 'coin')}`
        : `${countOf(this.selection.size, 'coin')} selected, value ${formatValue(units)}`;
    return html`<label class="all number">
      <input
        type="checkbox"
        data-testid="select-all"
        .checked=${shown.length > 0 && selectedCount === shown.length}
        .indeterminate=${selectedCount > 0 && selectedCount < shown.length}
        @change=${(event: Event) => this.#selectShown(shown, event.target as HTMLInputElement)}
      />
      ${what}
    </label>`;
  }

  #filters() {
    const counts = countsOf(this.coins);
    const chips = FILTERS.filter(
      (filter) => filter === 'all' || filter === this.filter || counts[filter] > 0,
    );
    if (chips.length < 3 && this.filter === 'all') return nothing;
    return html`<div class="filters" role="group" aria-label="Show">
      ${chips.map((filter) => {
        const count = filter === 'all' ? this.coins.length : counts[filter];
        return html`<button
          type="button"
          class="number"
          aria-pressed=${this.filter === filter}
          data-testid="filter-${filter}"
          @click=${() => this.#show(filter, 0)}
        >
          ${filter === 'all' ? 'All' : GRADE_WORDS[filter]} ${count.toLocaleString('en-US')}
        </button>`;
      })}
    </div>`;
  }

  #pages(page: number, pageCount: number, count: number) {
    const first = page * PAGE_ROWS + 1;
    const last = Math.min(count, first + PAGE_ROWS - 1);
    const turn = (to: number) => () => this.#show(this.filter, to);
    return html`<nav class="pages" aria-label="Pages of coins">
      <button
        type="button"
        data-testid="page-before"
        ?disabled=${page === 0}
        @click=${turn(page - 1)}
      >
        Previous
      </button>
      <span class="number" aria-live="polite">
        ${first}-${last} of ${count.toLocaleString('en-US')}
      </span>
      <button
        type="button"
        data-testid="page-after"
        ?disabled=${page === pageCount - 1}
        @click=${turn(page + 1)}
      >
        Next
      </button>
    </nav>`;
  }

  #show(filter: Filter, page: number): void {
    this.filter = filter;
    this.page = page;
  }

  #select(event: CustomEvent<{ id: number; selected: boolean }>): void {
    const selection = new Set(this.selection);
    if (event.detail.selected) selection.add(event.detail.id);
    else selection.delete(event.detail.id);
    this.#changeSelection(selection);
  }

  #heal(event: CustomEvent<number>): void {
    this.dispatchEvent(new CustomEvent('heal-coin', { detail: event.detail }));
  }

  #selectShown(shown: readonly CoinView[], box: HTMLInputElement): void {
    const selection = new Set(this.selection);
    for (const coin of shown) {
      if (box.checked) selection.add(coin.id);
      else selection.delete(coin.id);
    }
    this.#changeSelection(selection);
  }

  #changeSelection(selection: ReadonlySet<number>): void {
    this.dispatchEvent(new CustomEvent('selection-change', { detail: selection }));
  }
}

function nameOf({ denomination, serialNumber }: CoinView): string {
  return `${denomination}:${serialNumber}`;
}

customElements.define('andvari-coin-list', AndvariCoinList);
