import { html, LitElement, nothing } from 'lit';
import type {
  EndpointWords,
  MarketWords,
  OfferView,
  PaymentView,
} from '../worker/ratatoskr-messages.ts';
import { parseAmount } from './format.ts';
import type { BareAction, RatatoskrAction, RatatoskrState } from './ratatoskr-state.ts';
import { ratatoskrStyles } from './ratatoskr-styles.ts';
import {
  factsOf,
  isOpen,
  offeredEndpoint,
  paymentSentence,
  registrationText,
  stateSentence,
} from './ratatoskr-words.ts';
import { sharedStyles } from './shared-styles.ts';
import { textField, textFieldStyles } from './text-field.ts';

const FIELDS = {
  url: 'Address (wss://…)',
  webTransportUrl: 'WebTransport address (https://…), if there is one',
  serverKey: 'Key of the server, 64 hex digits',
  certificateHashes: 'SHA-256 of its certificate, if no authority has signed it',
  user: 'User',
} as const satisfies Record<keyof EndpointWords, string>;

/**
 * The connection to a Ratatoskr server, its marketplace, and payments with coins of this wallet.
 * Fires `ratatoskr-action` with a RatatoskrAction.
 */
export class AndvariRatatoskr extends LitElement {
  static override properties = {
    state: { attribute: false },
    busy: { type: Boolean },
  };
  static override styles = [sharedStyles, textFieldStyles, ratatoskrStyles];

  declare state: RatatoskrState;
  /** The wallet is at work: its coins cannot be paid with. */
  declare busy: boolean;
  #hadFocus = false;

  constructor() {
    super();
    this.state = {
      ...{ view: undefined, offered: undefined, demo: false, offers: undefined },
      ...{ asking: false, words: '', news: '', ended: 0 },
    };
    this.busy = false;
  }

  /** A button that has gone leaves the focus to the one in its place. */
  protected override willUpdate(): void {
    const focused = (this.renderRoot as ShadowRoot).activeElement;
    this.#hadFocus = focused?.closest('.buttons')?.id === 'connection';
  }

  protected override updated(): void {
    const buttons = this.renderRoot.querySelector('#connection');
    if (!this.#hadFocus || buttons?.contains((this.renderRoot as ShadowRoot).activeElement)) return;
    buttons?.querySelector('button')?.focus();
  }

  protected override render() {
    const { view, words, news, ended } = this.state;
    return html`<section
      aria-labelledby="title"
      data-testid="ratatoskr"
      data-state=${view?.state ?? 'offline'}
      data-answering=${view?.answering ?? true}
      data-transport=${view?.transport ?? ''}
      data-ended=${ended}
    >
      <div class="head">
        <div>
          <h2 id="title">Ratatoskr</h2>
          <p class="soft" role="status" data-testid="ratatoskr-state">${stateSentence(view)}</p>
        </div>
        <div class="buttons" id="connection">${this.#connectionButtons()}</div>
      </div>
      <div class="card">
        <p class="words" role="alert" data-testid="ratatoskr-words">${words}</p>
        <p class="news" role="status" data-testid="ratatoskr-news">${news}</p>
        ${this.#facts()} ${this.#endpoint()}
        ${view?.payment === undefined ? nothing : this.#payment(view.payment)}
        ${view?.state === 'online' || view?.state === 'waiting' ? this.#services() : nothing}
      </div>
    </section>`;
  }

  #connectionButtons() {
    const state = this.state.view?.state ?? 'offline';
    if (state === 'offline' || state === 'failed' || state === 'closed') {
      return this.#button('connect', 'Connect', () => this.#connect(), 'primary');
    }
    return html`
      ${state === 'waiting' ? this.#button('retry', 'Try now', () => this.#fire('retry')) : nothing}
      ${this.#button('disconnect', 'Disconnect', () => this.#fire('disconnect'))}
    `;
  }

  #facts() {
    const facts = factsOf(this.state.view);
    if (facts.length === 0) return nothing;
    return html`<dl class="facts number" data-testid="ratatoskr-facts">
      ${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
    </dl>`;
  }

  #endpoint() {
    const { view, demo, asking } = this.state;
    const offered = offeredEndpoint(this.state.offered);
    return html`<details ?open=${view?.state === 'failed'}>
      <summary>Server and device</summary>
      <form @submit=${(event: Event) => this.#submit(event, () => this.#connect())}>
        ${(Object.keys(FIELDS) as (keyof EndpointWords)[]).map((name) =>
          textField(`ratatoskr-${name}`, FIELDS[name], offered[name]),
        )}
      </form>
      ${
        view === undefined
          ? nothing
          : html`<p>
                Whoever runs the server registers this device, whose key
                ${view.device.locked ? 'no script can read' : 'is sealed like the coins'}:
              </p>
              <code data-testid="ratatoskr-device">
                ${registrationText(view, this.#value('user') || offered.user)}
              </code>`
      }
      ${
        demo
          ? this.#button(
              'register',
              'Register this device in the demo network',
              () => this.#fire({ act: 'register', user: this.#value('user') || offered.user }),
              asking ? 'off' : '',
            )
          : nothing
      }
    </details>`;
  }

  #services() {
    const { offers, asking } = this.state;
    const kind = asking ? 'off' : '';
    return html`
      <div>
        <div class="head">
          <h3>Marketplace</h3>
          ${this.#button('list', 'Show what is on offer', () => this.#list(), kind)}
        </div>
        ${
          offers === undefined
            ? nothing
            : html`<ul class="offers" data-testid="ratatoskr-offers" data-count=${offers.length}>
                ${offers.map((offer) => this.#offer(offer))}
              </ul>`
        }
        <form class="row" @submit=${(event: Event) => this.#submit(event, () => this.#offerOwn())}>
          ${textField('ratatoskr-title', 'Offer something', '')}
          ${textField('ratatoskr-price', 'Price', '')}
          <button data-testid="ratatoskr-offer" ?disabled=${asking}>Offer it</button>
        </form>
      </div>
      <div>
        <h3>Pay</h3>
        <form class="row" @submit=${(event: Event) => this.#submit(event, () => this.#pay())}>
          ${textField('ratatoskr-amount', 'Amount, in coins of your own', '')}
          <button
            class="primary"
            data-testid="ratatoskr-pay"
            ?disabled=${asking || this.busy || isOpen(this.state.view?.payment)}
          >
            Pay
          </button>
        </form>
      </div>
    `;
  }

  #offer({ id, title, price, provider, taken }: OfferView) {
    return html`<li data-testid="ratatoskr-one-offer" data-taken=${taken}>
      <span>
        ${title} <span class="soft">from ${provider}</span>
        <strong class="number">${price}</strong>
      </span>
      ${
        taken
          ? html`<span class="soft">taken</span>`
          : html`<button
              type="button"
              data-testid="ratatoskr-take"
              aria-label="Take ${title}"
              ?disabled=${this.state.asking}
              @click=${() => this.#take(id, price)}
            >
              Take
            </button>`
      }
    </li>`;
  }

  #payment(payment: PaymentView) {
    const { stage, requestId, refundCode } = payment;
    return html`<div
      class="open"
      data-testid=${isOpen(payment) ? 'ratatoskr-open-payment' : 'ratatoskr-last-payment'}
      data-request=${requestId}
    >
      <p>${paymentSentence(payment)} <span class="soft">Its number here: ${requestId}</span></p>
      ${
        refundCode === undefined
          ? nothing
          : html`<p>
              Whoever has the code of that locker can take them:
              <code data-testid="ratatoskr-refund-code">${refundCode}</code>
            </p>`
      }
      <div class="buttons">${this.#paymentButtons(stage)}</div>
    </div>`;
  }

  #paymentButtons(stage: PaymentView['stage']) {
    const off = this.busy ? 'off' : '';
    const fire = (act: BareAction) => () => this.#fire(act);
    if (stage === 'unsent') {
      return html`${this.#button('pay-again', 'Go on', fire('pay-again'), off || 'primary')}
      ${this.#button('take-back', 'Take the coins back', fire('take-back'), off)}`;
    }
    const forget = (word: string) =>
      this.#button('forget-payment', word, fire('forget-payment'), off);
    if (stage === 'refund') {
      const take = fire('take-back');
      return html`${this.#button('take-back', 'Take the coins', take, off || 'primary')}
      ${forget('Forget it')}`;
    }
    if (stage !== 'asked') return forget('Close');
    return html`${this.#button('pay-again', 'Ask again', fire('pay-again'), off || 'primary')}
    ${forget('Forget it')}`;
  }

  #button(name: string, word: string, click: () => void, kind = '') {
    return html`<button
      type="button"
      class=${kind}
      data-testid="ratatoskr-${name}"
      ?disabled=${kind === 'off'}
      @click=${click}
    >
      ${word}
    </button>`;
  }

  #submit(event: Event, work: () => void): void {
    event.preventDefault();
    work();
  }

  #connect(): void {
    const words = Object.fromEntries(
      Object.keys(FIELDS).map((name) => [name, this.#value(name)]),
    ) as unknown as EndpointWords;
    const offered = offeredEndpoint(this.state.offered).certificateHashes;
    const hashesOffered = offered !== '' && words.certificateHashes === offered;
    this.#fire({ act: 'connect', words: { ...words, hashesOffered } });
  }

  #list(): void {
    this.#market({ action: 'list' });
  }

  #offerOwn(): void {
    const [title, price] = [this.#value('title').trim(), this.#value('price').trim()];
    this.#market({ action: 'offer', title, price });
  }

  #take(offerId: string, price: string): void {
    const field = this.#input('amount');
    if (field !== null) field.value = price;
    this.#market({ action: 'take', offerId });
  }

  #pay(): void {
    const units = parseAmount(this.#value('amount'));
    if (units === undefined) this.#input('amount')?.focus();
    this.#fire({ act: 'pay', units });
  }

  #market(words: MarketWords): void {
    this.#fire({ act: 'market', words });
  }

  #value(name: string): string {
    return this.#input(name)?.value ?? '';
  }

  #input(name: string): HTMLInputElement | null {
    return this.renderRoot.querySelector(`#ratatoskr-${name}`);
  }

  #fire(action: RatatoskrAction | BareAction): void {
    const detail = typeof action === 'string' ? { act: action } : action;
    this.dispatchEvent(new CustomEvent('ratatoskr-action', { detail }));
  }
}

customElements.define('andvari-ratatoskr', AndvariRatatoskr);
