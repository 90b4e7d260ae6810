import { html, LitElement } from 'lit';
import { dialogStyles } from './dialog-styles.ts';
import { sharedStyles } from './shared-styles.ts';

export interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly danger?: boolean;
}

/** A modal question. `ask` resolves true for yes, false for no, Escape or a closed dialog. */
export class AndvariConfirm extends LitElement {
  static override properties = { question: { state: true } };
  static override styles = [sharedStyles, dialogStyles];

  declare question: Question | undefined;
  #answer: ((yes: boolean) => void) | undefined;

  async ask(question: Question): Promise<boolean> {
    this.#answer?.(false);
    this.question = question;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#answer = resolve;
    await this.updateComplete;
    const dialog = this.#dialog;
    if (dialog !== null) {
      dialog.returnValue = '';
      dialog.showModal();
    }
    return promise;
  }

  protected override render() {
    const { question } = this;
    return html`<dialog aria-labelledby="title" aria-describedby="text" @close=${this.#closed}>
      <h2 id="title">${question?.title}</h2>
      <p id="text">${question?.text}</p>
      <div class="buttons">
        <button type="button" autofocus data-testid="confirm-no" @click=${() => this.#close('no')}>
          Cancel
        </button>
        <button
          type="button"
          class=${question?.danger ? 'danger' : 'primary'}
          data-testid="confirm-yes"
          @click=${() => this.#close('yes')}
        >
          ${question?.yes}
        </button>
      </div>
    </dialog>`;
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  #close(value: string): void {
    this.#dialog?.close(value);
  }

  #closed(): void {
    const dialog = this.#dialog;
    // The event comes late: a question asked right after the last one may be open by now.
    if (dialog === null || dialog.open) return;
    this.#answer?.(dialog.returnValue === 'yes');
    this.#answer = undefined;
  }
}

customElements.define('andvari-confirm', AndvariConfirm);
