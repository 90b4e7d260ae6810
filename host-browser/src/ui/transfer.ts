import { html, LitElement, nothing } from 'lit';
import type {
  KeptView,
  ReceiveView,
  SendView,
  Side,
} from '../worker/transfer/transfer-messages.ts';
import { qrCode } from './qr-code.ts';
import { sharedStyles } from './shared-styles.ts';
import { textField, textFieldStyles } from './text-field.ts';
import type { TransferAction, TransferState } from './transfer-state.ts';
import { transferStyles } from './transfer-styles.ts';
import {
  faultSentence,
  keptSentence,
  movementText,
  receiveSentence,
  sendSentence,
  wayText,
} from './transfer-words.ts';

/**
 * A file that is sent by a code, one that is received, and what is kept in this browser. Fires
 * `transfer-action` with a TransferAction.
 */
export class AndvariTransfer extends LitElement {
  static override properties = { state: { attribute: false }, copied: { state: true } };
  static override styles = [sharedStyles, textFieldStyles, transferStyles];

  declare state: TransferState;
  declare copied: string;
  /** Of the side where the focus was before something was drawn anew. */
  #focused: Side | undefined;

  constructor() {
    super();
    this.state = { view: undefined, relay: undefined, words: { send: '', receive: '' } };
    this.copied = '';
  }

  protected override willUpdate(): void {
    const active = (this.renderRoot as ShadowRoot).activeElement;
    this.#focused = active?.closest('[data-side]')?.getAttribute('data-side') as Side | undefined;
  }

  /** A button that has gone leaves the focus to its side. */
  protected override updated(): void {
    if (!this.#focused || (this.renderRoot as ShadowRoot).activeElement) return;
    this.#element<HTMLElement>(`[data-side=${this.#focused}] h3`)?.focus();
  }

  protected override render() {
    const { view } = this.state;
    return html`<section aria-labelledby="title" data-testid="transfer">
      <h2 id="title">Files</h2>
      <div class="card">
        ${this.#side('send', 'Send a file', view?.send)}
        ${this.#side('receive', 'Receive', view?.receive)}
        ${view === undefined || view.kept.length === 0 ? nothing : this.#kept(view.kept)}
      </div>
    </section>`;
  }

  #side(side: Side, title: string, view: SendView | ReceiveView | undefined) {
    const words = this.state.words[side] || (view?.fault ? faultSentence(view.fault, side) : '');
    const isSend = side === 'send';
    const sentence = isSend
      ? sendSentence(view as SendView | undefined)
      : receiveSentence(view as ReceiveView | undefined);
    return html`<div
      class="side"
      role="group"
      aria-labelledby="${side}-title"
      data-side=${side}
      data-testid="transfer-${side}"
      data-stage=${view?.stage ?? 'none'}
    >
      <h3 id="${side}-title" tabindex="-1">${title}</h3>
      <p class="news" role="status" data-testid="transfer-${side}-state">${sentence}</p>
      <p class="words" role="alert" data-testid="transfer-${side}-words">${words}</p>
      ${isSend ? this.#send(view as SendView | undefined) : this.#receive(view as ReceiveView)}
    </div>`;
  }

  #send(view: SendView | undefined) {
    if (view === undefined) return this.#sendForm();
    const { stage, code } = view;
    const isOver = stage === 'done' || stage === 'failed';
    const isMoving = stage === 'reading' || stage === 'sending';
    const isOpen = stage === 'waiting' || stage === 'asked';
    return html`
      ${isMoving ? this.#movement(view, 'send') : nothing}
      ${code !== undefined && isOpen ? this.#code(code) : nothing}
      ${this.#facts(view, 'send')}
      <div class="buttons">
        ${stage === 'sending' ? this.#pause(view.paused, 'send') : nothing}
        ${this.#button('send-end', isOver ? 'Close' : 'Cancel', { act: 'end', side: 'send' })}
      </div>
    `;
  }

  #sendForm() {
    const { relay } = this.state;
    return html`
      <p class="soft">
        Whoever has its code fetches it from this page, sealed on its way through a relay. No
        account, and nothing of it stays with anybody else.
      </p>
      <details ?open=${relay === undefined}>
        <summary>Relay</summary>
        ${textField('transfer-relay', 'Its address (wss://HOST:PORT/relay)', relay ?? '')}
      </details>
      <div class="buttons">
        <button
          type="button"
          class="primary"
          data-testid="transfer-choose"
          @click=${() => this.#element<HTMLInputElement>('input[type=file]')?.click()}
        >
          Choose a file…
        </button>
        <input
          type="file"
          hidden
          data-testid="transfer-file"
          aria-label="The file to send"
          @change=${this.#chosen}
        />
      </div>
    `;
  }

  #code(code: string) {
    return html`
      <output aria-label="The code" data-testid="transfer-code">${code}</output>
      <div class="buttons">
        <button type="button" data-testid="transfer-copy" @click=${() => this.#copy(code)}>
          Copy the code
        </button>
      </div>
      <p class="soft" role="status" data-testid="transfer-copied">${this.copied}</p>
      ${qrCode(code, 'The code as a QR code')}
      <p class="soft">
        Whoever has the code has the file, once. It is taken on a page like this one, or with
        <b>andvari receive</b> and the code behind it.
      </p>
    `;
  }

  #receive(view: ReceiveView | undefined) {
    if (view === undefined) return this.#receiveForm();
    const { stage, key, name = '', code } = view;
    const isSaved = stage === 'whole' && key !== undefined;
    const close = stage === 'whole' || stage === 'failed' ? 'Close' : 'Cancel';
    return html`
      ${stage === 'receiving' ? this.#movement(view, 'receive') : nothing}
      ${this.#facts(view, 'receive')}
      <div class="buttons">
        ${
          stage === 'asking'
            ? html`${this.#button('accept', 'Take it', { act: 'decide', accept: true }, 'primary')}
              ${this.#button('refuse', 'Refuse', { act: 'decide', accept: false })}`
            : nothing
        }
        ${isSaved ? this.#button('save', 'Save', { act: 'save', key, name }, 'primary') : nothing}
        ${isSaved ? this.#button('remove', 'Remove', { act: 'forget', key, name }) : nothing}
        ${stage === 'receiving' ? this.#pause(view.paused, 'receive') : nothing}
        ${
          stage === 'failed'
            ? this.#button('again', 'Try again', { act: 'fetch', code }, 'primary')
            : nothing
        }
        ${
          stage === 'asking'
            ? nothing
            : this.#button('receive-end', close, { act: 'end', side: 'receive' })
        }
      </div>
    `;
  }

  #receiveForm() {
    return html`<form @submit=${this.#fetch}>
      ${textField('transfer-receive-code', 'Code of the sender', '')}
      <p class="soft">You see the name and the size before anything is taken.</p>
      <div class="buttons">
        <button class="primary" data-testid="transfer-fetch">Look what it is</button>
      </div>
    </form>`;
  }

  #movement(view: SendView | ReceiveView, side: Side) {
    const text = movementText(view);
    return html`
      <progress
        max=${Math.max(1, view.size ?? 1)}
        .value=${view.doneBytes}
        aria-label="How much of it"
        data-testid="transfer-${side}-bar"
      ></progress>
      <p class="soft number" data-testid="transfer-${side}-movement">${text}</p>
      <p class="soft" data-testid="transfer-${side}-way">${wayText(view)}</p>
    `;
  }

  #facts({ hash, authenticationString }: SendView | ReceiveView, side: Side) {
    if (hash !== undefined) {
      return html`<div>
        <p class="soft">Its BLAKE3 hash, as b3sum prints it:</p>
        <code data-testid="transfer-${side}-hash">${hash}</code>
      </div>`;
    }
    if (authenticationString === undefined) return nothing;
    return html`<p class="soft">
      If nobody is between you, both sides see
      <strong data-testid="transfer-${side}-letters">${authenticationString}</strong>
    </p>`;
  }

  #kept(kept: readonly KeptView[]) {
    const save = (one: KeptView) => this.#button('kept-save', 'Save', { act: 'save', ...one });
    return html`<div class="kept" data-side="kept">
      <h3 tabindex="-1">Kept in this browser</h3>
      <ul>
        ${kept.map(
          (one) => html`<li data-testid="transfer-kept" data-key=${one.key}>
            <span>${one.name} <span class="soft">${keptSentence(one)}</span></span>
            <span class="buttons">
              ${one.isWhole ? save(one) : nothing}
              ${this.#button('kept-remove', 'Remove', { act: 'forget', ...one })}
            </span>
          </li>`,
        )}
      </ul>
    </div>`;
  }

  #pause(isPaused: boolean, side: Side) {
    const word = isPaused ? 'Go on' : 'Pause';
    return this.#button(`${side}-pause`, word, { act: 'pause', side, pause: !isPaused });
  }

  #button(name: string, word: string, action: TransferAction, kind = '') {
    return html`<button
      type="button"
      class=${kind}
      data-testid="transfer-${name}"
      @click=${() => this.#fire(action)}
    >
      ${word}
    </button>`;
  }

  #chosen(event: Event): void {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    const relay = this.#element<HTMLInputElement>('#transfer-relay')?.value ?? '';
    this.copied = '';
    if (file) this.#fire({ act: 'send', file, relay });
    // Choosing the same file again must count as a change.
    input.value = '';
  }

  #fetch(event: Event): void {
    event.preventDefault();
    const code = this.#element<HTMLInputElement>('#transfer-receive-code')?.value ?? '';
    this.#fire({ act: 'fetch', code });
  }

  async #copy(code: string): Promise<void> {
    this.copied = '';
    try {
      await navigator.clipboard.writeText(code);
      this.copied = 'Copied.';
    } catch {
      this.copied = 'The browser did not copy it: select the code and copy it by hand.';
    }
  }

  #element<Found extends Element>(selector: string): Found | null {
    return this.renderRoot.querySelector<Found>(selector);
  }

  #fire(action: TransferAction): void {
    this.dispatchEvent(new CustomEvent('transfer-action', { detail: action }));
  }
}

customElements.define('andvari-transfer', AndvariTransfer);
