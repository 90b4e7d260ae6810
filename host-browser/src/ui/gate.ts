import { css, html, LitElement, nothing } from 'lit';
import { passphraseFault } from '../storage/seal.ts';
import './ring.ts';
import { sharedStyles } from './shared-styles.ts';

/** What the user gave; the field is emptied as soon as it has been handed on. */
export interface PassphraseDetail {
  readonly passphrase: string;
}

/**
 * The door: choose a passphrase (`mode` create) or give it (`mode` unlock). Fires `passphrase`.
 * The owner sets `busy` while the key is derived and `fault` to one sentence when it is refused.
 */
export class AndvariGate extends LitElement {
  static override properties = {
    mode: { type: String },
    busy: { type: Boolean },
    fault: { type: String },
    ownFault: { state: true },
    visible: { state: true },
  };
  static override styles = [
    sharedStyles,
    css`
      .door {
        width: min(27rem, 100%);
        margin: clamp(1rem, 7vh, 5rem) auto;
        padding: 0 1rem 2rem;
      }
      andvari-ring {
        width: 8.5rem;
        margin: 0 auto 1.2rem;
      }
      .ring-word {
        font: 600 1.05rem/1 var(--serif);
        color: var(--gold);
      }
      h1 {
        font: 600 1.8rem/1.15 var(--serif);
        text-align: center;
        letter-spacing: -0.01em;
      }
      .lead {
        margin: 0.6rem 0 1.5rem;
        text-align: center;
        text-wrap: balance;
        color: var(--ink-soft);
      }
      form {
        display: grid;
        gap: 1rem;
        padding: 1.4rem;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      .field {
        display: grid;
        gap: 0.3rem;
      }
      .field > label {
        font-weight: 600;
      }
      input:not([type='checkbox']) {
        width: 100%;
        min-height: 2.75rem;
        padding: 0.4rem 0.8rem;
        border: 1px solid var(--line-strong);
        border-radius: var(--radius-small);
        background: var(--ground);
      }
      input[aria-invalid='true'] {
        border-color: var(--fail);
      }
      .show {
        display: flex;
        align-items: center;
        gap: 0.55rem;
        min-height: 1.75rem;
        font-size: 0.9rem;
        cursor: pointer;
      }
      .fault {
        color: var(--fail);
        font-weight: 550;
      }
      .warning {
        padding: 0.7rem 0.9rem;
        border-inline-start: 3px solid var(--gold-bright);
        background: var(--sunken);
        border-radius: 0 var(--radius-small) var(--radius-small) 0;
        font-size: 0.9rem;
      }
      button {
        min-height: 2.9rem;
      }
    `,
  ];

  declare mode: 'create' | 'unlock';
  declare busy: boolean;
  declare fault: string;
  declare ownFault: string;
  declare visible: boolean;

  constructor() {
    super();
    this.mode = 'unlock';
    this.busy = false;
    this.fault = '';
    this.ownFault = '';
    this.visible = false;
  }

  protected override firstUpdated(): void {
    this.#field('passphrase')?.focus();
  }

  protected override updated(changed: Map<PropertyKey, unknown>): void {
    // After a refusal the next thing to do is to type again.
    if (changed.has('fault') && this.fault !== '') this.#field('passphrase')?.select();
  }

  protected override render() {
    const creating = this.mode === 'create';
    return html`<main class="door">
      <andvari-ring .lights=${(this.busy ? '?' : 'A').repeat(25)}>
        <span class="ring-word">Andvari</span>
      </andvari-ring>
      <h1>${creating ? 'A wallet of your own' : 'Unlock your wallet'}</h1>
      <p class="lead">
        ${
          creating
            ? 'Coins stay in this browser, sealed with a passphrase that only you know.'
            : 'Your coins are in this browser, sealed with your passphrase.'
        }
      </p>
      <form @submit=${this.#submit} aria-busy=${this.busy} novalidate>
        <!-- Password managers file a passphrase under a name. -->
        <input type="text" name="username" autocomplete="username" value="Andvari wallet" hidden />
        ${this.#passphraseField('passphrase', 'Passphrase', creating)}
        ${creating ? this.#passphraseField('again', 'The same once more', creating) : nothing}
        <label class="show">
          <input
            type="checkbox"
            .checked=${this.visible}
            @change=${(event: Event) => {
              this.visible = (event.target as HTMLInputElement).checked;
            }}
          />
          Show what I type
        </label>
        ${
          creating
            ? html`<p class="warning">
                <strong>It cannot be recovered.</strong> Nobody can reset it, so without it the
                coins in this wallet are lost. Write it down, and download coin files as a copy.
              </p>`
            : nothing
        }
        <p class="fault" id="fault" role="alert" data-testid="gate-fault">
          ${this.ownFault || this.fault}
        </p>
        <button class="primary" type="submit" ?disabled=${this.busy} data-testid="gate-submit">
          ${this.busy ? 'Deriving the key…' : creating ? 'Create wallet' : 'Unlock'}
        </button>
      </form>
    </main>`;
  }

  #passphraseField(name: string, label: string, creating: boolean) {
    return html`<div class="field">
      <label for=${name}>${label}</label>
      <input
        id=${name}
        name=${name}
        type=${this.visible ? 'text' : 'password'}
        autocomplete=${creating ? 'new-password' : 'current-password'}
        autocapitalize="off"
        spellcheck="false"
        required
        aria-describedby="fault"
        aria-invalid=${this.ownFault !== '' || this.fault !== ''}
        data-testid="gate-${name}"
      />
    </div>`;
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (this.busy) return;
    const passphrase = this.#field('passphrase')?.value ?? '';
    this.ownFault = this.#faultOf(passphrase) ?? '';
    if (this.ownFault !== '') return;
    const detail: PassphraseDetail = { passphrase };
    this.dispatchEvent(new CustomEvent('passphrase', { detail }));
  }

  #faultOf(passphrase: string): string | undefined {
    if (this.mode === 'unlock') return passphrase === '' ? 'Type your passphrase.' : undefined;
    const fault = passphraseFault(passphrase);
    if (fault !== undefined) return fault;
    const again = this.#field('again')?.value;
    return again === passphrase ? undefined : 'The two passphrases differ; type both again.';
  }

  #field(name: string): HTMLInputElement | null {
    return this.renderRoot.querySelector(`#${name}`);
  }
}

customElements.define('andvari-gate', AndvariGate);
