import { coinValueUnits } from '@andvari/host-common/raida/coin';
import { css, html, LitElement, nothing } from 'lit';
import type { CoinView } from '../worker/views.ts';
import { coinDisc } from './coin-disc.ts';
import { formatValue, GRADE_MEANINGS, GRADE_WORDS, summaryOf } from './format.ts';
import { healFault } from './heal-words.ts';
import './lights.ts';
import { sharedStyles } from './shared-styles.ts';

const OWNED_MEANING = 'Taken into ownership here: nobody else knows its secrets';
const TWOFOLD_MEANING = 'Here with two sets of secrets; the servers know which is right';

/** One coin of the list. Fires `coin-select` with { id, selected }, and `coin-heal` with the id. */
export class AndvariCoinRow extends LitElement {
  static override properties = {
    coin: { attribute: false },
    selected: { type: Boolean },
    tried: { type: Boolean },
    busy: { type: Boolean },
  };
  static override styles = [
    sharedStyles,
    css`
      .row {
        display: grid;
        grid-template-columns: auto auto minmax(9.5rem, 0.75fr) minmax(10rem, 1.25fr) auto;
        grid-template-areas: 'pick disc what grade lights';
        align-items: center;
        column-gap: 0.9rem;
        padding: 0.55rem 1.1rem;
      }
      .pick {
        grid-area: pick;
        display: grid;
        place-items: center;
        /* A target of 44 px although the box is small. */
        padding: 0.8rem;
        margin: -0.8rem;
        cursor: pointer;
      }
      .disc {
        grid-area: disc;
        width: 2.6rem;
        height: 2.6rem;
        display: block;
      }
      .rim {
        fill: var(--metal);
      }
      .milling {
        fill: none;
        stroke: var(--engraving);
        stroke-opacity: 0.55;
        stroke-width: 1;
        stroke-dasharray: 1.4 1.4;
      }
      .disc text {
        fill: var(--engraving);
        font-family: var(--serif);
        font-weight: 700;
        text-anchor: middle;
        dominant-baseline: central;
      }
      .gold {
        --metal: #e2b04a;
        --engraving: #4a3103;
      }
      .silver {
        --metal: #ccd3d4;
        --engraving: #2f3b3f;
      }
      .copper {
        --metal: #d99a6c;
        --engraving: #4d2509;
      }
      .what {
        grid-area: what;
        min-width: 0;
      }
      .value {
        font: 600 1.1rem/1.25 var(--serif);
        overflow-wrap: anywhere;
      }
      .serial {
        font-size: 0.85rem;
        color: var(--ink-soft);
      }
      .grade {
        grid-area: grade;
        min-width: 0;
      }
      .word {
        font-weight: 600;
        line-height: 1.3;
      }
      .authentic {
        color: var(--pass);
      }
      .fracked,
      .limbo {
        color: var(--error);
      }
      .counterfeit {
        color: var(--fail);
      }
      .tag {
        display: inline-block;
        padding: 0 0.45em;
        border: 1px solid currentColor;
        border-radius: 1em;
        font-size: 0.75rem;
        font-weight: 600;
        vertical-align: 0.08em;
      }
      .owned {
        color: var(--gold);
      }
      .unsettled {
        color: var(--error);
      }
      .summary {
        font-size: 0.8rem;
        line-height: 1.35;
        color: var(--ink-soft);
      }
      .summary.fault {
        color: var(--error);
      }
      .heal {
        min-height: 1.75rem;
        margin-inline-start: 0.4rem;
        padding: 0 0.6rem;
        font-size: 0.85rem;
      }
      andvari-lights {
        grid-area: lights;
      }
      @media (max-width: 62rem) {
        .row {
          grid-template-columns: auto auto 1fr auto;
          grid-template-areas: 'pick disc what grade' 'pick disc lights lights';
          row-gap: 0.35rem;
        }
        .grade {
          text-align: end;
        }
      }
      @media (max-width: 40rem) {
        .row {
          grid-template-columns: auto auto minmax(0, 1fr);
          grid-template-areas: 'pick disc what' 'grade grade grade' 'lights lights lights';
          padding: 0.8rem;
        }
        .grade {
          text-align: start;
        }
        /* Three fives fit one line of a 320 px window. */
        andvari-lights {
          --light-size: 13px;
        }
      }
      @media (forced-colors: active) {
        .rim {
          fill: Canvas;
          stroke: CanvasText;
        }
        .milling {
          stroke: CanvasText;
        }
        .disc text {
          fill: CanvasText;
        }
      }
    `,
  ];

  declare coin: CoinView | undefined;
  declare selected: boolean;
  /** Healing was about it a moment ago. */
  declare tried: boolean;
  declare busy: boolean;

  constructor() {
    super();
    this.selected = false;
    this.tried = false;
    this.busy = false;
  }

  protected override render() {
    const { coin } = this;
    if (coin === undefined) return nothing;
    const value = formatValue(coinValueUnits(coin.denomination));
    const fault = healFault(coin, this.tried);
    return html`<div class="row">
      <label class="pick">
        <input
          type="checkbox"
          data-testid="coin-select"
          aria-label="Select ${value} CloudCoin number ${coin.serialNumber}"
          .checked=${this.selected}
          @change=${this.#select}
        />
      </label>
      ${coinDisc(coin.denomination)}
      <div class="what">
        <div class="value number" data-testid="coin-value">${value}</div>
        <div class="serial number">
          <span class="for-reader">
            CloudCoin, denomination ${coin.denomination}, serial number
          </span>
          <span aria-hidden="true">№</span>
          <span data-testid="coin-serial">${coin.serialNumber}</span>
          ${tagsOf(coin)}
        </div>
      </div>
      <div class="grade">
        <span
          class="word ${coin.grade}"
          title=${GRADE_MEANINGS[coin.grade]}
          data-testid="coin-grade"
        >
          ${GRADE_WORDS[coin.grade]}
        </span>
        ${coin.grade === 'fracked' ? this.#healButton(coin, value) : nothing}
        <div class="summary number" data-testid="coin-summary">${summaryOf(coin)}</div>
        ${
          fault === undefined
            ? nothing
            : html`<div class="summary number fault" data-testid="heal-fault">${fault}</div>`
        }
      </div>
      <andvari-lights
        data-testid="coin-lights"
        data-lights=${coin.lights}
        .lights=${coin.lights}
      ></andvari-lights>
    </div>`;
  }

  #healButton({ id, serialNumber }: CoinView, value: string) {
    return html`<button
      type="button"
      class="heal"
      aria-label="Heal ${value} CloudCoin number ${serialNumber}"
      ?disabled=${this.busy}
      data-testid="coin-heal"
      @click=${() => this.dispatchEvent(new CustomEvent('coin-heal', { detail: id }))}
    >
      Heal
    </button>`;
  }

  #select(event: Event): void {
    const detail = { id: this.coin?.id, selected: (event.target as HTMLInputElement).checked };
    this.dispatchEvent(new CustomEvent('coin-select', { detail }));
  }
}

function tagsOf({ owned, unsettled, twofold }: CoinView) {
  return html`
    ${unsettled ? html`<span class="tag unsettled" data-testid="unsettled">not settled</span>` : ''}
    ${
      owned && !unsettled
        ? html`<span class="tag owned" title=${OWNED_MEANING} data-testid="owned">yours</span>`
        : ''
    }
    ${twofold ? html`<span class="tag" title=${TWOFOLD_MEANING}>two versions</span>` : ''}
  `;
}

customElements.define('andvari-coin-row', AndvariCoinRow);
