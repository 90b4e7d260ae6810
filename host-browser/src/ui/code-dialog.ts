import { css, html, LitElement } from 'lit';
import { dialogStyles } from './dialog-styles.ts';
import { sharedStyles } from './shared-styles.ts';

export interface ShownCode {
  readonly code: string;
  /** What is in the locker, such as `2 × 100, 1 × 1`. */
  readonly pieces: string;
  readonly value: string;
}

/** Shows a locker's code, to be copied. `show` resolves true once the user has passed it on. */
export class AndvariCodeDialog extends LitElement {
  static override properties = { shown: { state: true }, copied: { state: true } };
  static override styles = [
    sharedStyles,
    dialogStyles,
    css`
      .code {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.6rem;
        padding: 0.8rem 0.9rem;
        border: 1px solid var(--gold-bright);
        border-radius: var(--radius-small);
        background: var(--ground);
      }
      output {
        font: 600 1.15rem/1.4 ui-monospace, monospace;
        letter-spacing: 0.02em;
        overflow-wrap: normal;
        user-select: all;
      }
    `,
  ];

  declare shown: ShownCode | undefined;
  declare copied: string;
  #answer: ((passed: boolean) => void) | undefined;

  constructor() {
    super();
    this.copied = '';
  }

  async show(shown: ShownCode): Promise<boolean> {
    this.#answer?.(false);
    this.shown = shown;
    this.copied = '';
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#answer = resolve;
    await this.updateComplete;
    this.#dialog?.showModal();
    return promise;
  }

  protected override render() {
    return html`<dialog aria-labelledby="title" data-testid="code-dialog" @close=${this.#closed}>
      <h2 id="title">The locker's code</h2>
      <p class="number">${this.shown?.pieces}: value ${this.shown?.value}.</p>
      <div class="code">
        <output aria-label="Locker code" data-testid="locker-code">${this.#groups()}</output>
        <button type="button" autofocus data-testid="copy-code" @click=${this.#copy}>Copy</button>
      </div>
      <p class="soft" role="status" aria-live="polite" data-testid="copied">${this.copied}</p>
      <p class="warning">
        <strong>Whoever has the code has the coins.</strong> Give it to the receiver alone, on a way
        that nobody else reads. This wallet keeps it until you say that it was passed on.
      </p>
      <div class="buttons">
        <button type="button" data-testid="code-later" @click=${() => this.#end(false)}>
          Keep it here
        </button>
        <button
          type="button"
          class="primary"
          data-testid="code-passed"
          @click=${() => this.#end(true)}
        >
          I passed it on…
        </button>
      </div>
    </dialog>`;
  }

  /** A line may break between groups and nowhere else. */
  #groups() {
    return this.shown?.code.split(/(?<=-)/).map((group) => html`${group}<wbr />`);
  }

  async #copy(): Promise<void> {
    this.copied = '';
    try {
      await navigator.clipboard.writeText(this.shown?.code ?? '');
      this.copied = 'Copied. Clear the clipboard when it is sent.';
    } catch {
      this.copied = 'The browser did not copy it: select the code and copy it by hand.';
    }
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  #end(passed: boolean): void {
    this.#answer?.(passed);
    this.#answer = undefined;
    // The code is money: it does not stay in the page.
    this.shown = undefined;
    this.#dialog?.close();
  }

  /** Escape. The event comes late: the next code may be shown by now. */
  #closed(): void {
    if (this.#dialog?.open === false) this.#end(false);
  }
}

customElements.define('andvari-code-dialog', AndvariCodeDialog);
