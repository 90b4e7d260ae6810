import { css, html, LitElement, nothing } from 'lit';
import type { ContentsView, TaskProgress } from '../worker/views.ts';
import { dialogStyles } from './dialog-styles.ts';
import { countOf } from './format.ts';
import { contentsWords } from './locker-words.ts';
import { sharedStyles } from './shared-styles.ts';
import { sentenceOf } from './wallet-session.ts';

/** Five groups of four with whatever people put between them: a pasted letter is no code. */
const TEXT_CHARACTERS_MAX = 64;

export interface Peek {
  readonly signal: AbortSignal;
  onProgress(progress: TaskProgress): void;
}

export type PeekLocker = (code: string, peek: Peek) => Promise<ContentsView>;

/** The code of a locker, and a look at what is in it before anything is taken. */
export class AndvariTakeDialog extends LitElement {
  static override properties = {
    fault: { state: true },
    asking: { state: true },
    contents: { state: true },
  };
  static override styles = [
    sharedStyles,
    dialogStyles,
    css`
      #code {
        font-family: ui-monospace, monospace;
        letter-spacing: 0.04em;
        text-transform: uppercase;
      }
      .contents {
        padding: 0.7rem 0.9rem;
        border-radius: var(--radius-small);
        background: var(--sunken);
      }
    `,
  ];

  declare fault: string;
  /** What is said while the servers are asked; empty: they are not. */
  declare asking: string;
  declare contents: ContentsView | undefined;
  #peek: PeekLocker | undefined;
  #code = '';
  #stop = new AbortController();
  #answer: ((code: string | undefined) => void) | undefined;

  constructor() {
    super();
    this.fault = '';
    this.asking = '';
  }

  /** The code of the locker to take; undefined: cancelled. */
  async ask(peek: PeekLocker): Promise<string | undefined> {
    this.#end(undefined);
    this.#peek = peek;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#answer = resolve;
    await this.updateComplete;
    this.#dialog?.showModal();
    return promise;
  }

  protected override render() {
    const words = this.contents && contentsWords(this.contents);
    const count = words?.takableCount ?? 0;
    return html`<dialog aria-labelledby="title" data-testid="take-dialog" @close=${this.#closed}>
      <form novalidate @submit=${this.#submit} aria-busy=${this.asking !== ''}>
        <h2 id="title">Take coins from a locker</h2>
        <div class="field">
          <label for="code">Locker code</label>
          <input
            id="code"
            type="text"
            maxlength=${TEXT_CHARACTERS_MAX}
            autocomplete="off"
            autocapitalize="characters"
            spellcheck="false"
            autofocus
            aria-describedby="fault contents"
            aria-invalid=${this.fault !== ''}
            data-testid="take-code"
            @input=${this.#changed}
          />
        </div>
        <div id="contents" role="status" aria-live="polite">
          ${this.asking === '' ? nothing : html`<p class="soft number">${this.asking}</p>`}
          ${
            words === undefined
              ? nothing
              : html`<p class="contents number" data-testid="take-contents">${words.text}</p>`
          }
        </div>
        <p class="fault" id="fault" role="alert" data-testid="take-fault">${this.fault}</p>
        <div class="buttons">
          <button type="button" data-testid="take-no" @click=${() => this.#end(undefined)}>
            Cancel
          </button>
          <button
            type="submit"
            class=${count === 0 ? 'primary' : ''}
            ?disabled=${this.asking !== ''}
            data-testid="take-peek"
          >
            Look inside
          </button>
          ${
            count === 0
              ? nothing
              : html`<button
                  type="button"
                  class="primary"
                  data-testid="take-yes"
                  @click=${() => this.#end(this.#code)}
                >
                  Take ${countOf(count, 'coin')}
                </button>`
          }
        </div>
      </form>
    </dialog>`;
  }

  /** What was seen belongs to the code that was typed then. */
  #changed(): void {
    this.#stop.abort();
    this.contents = undefined;
    this.fault = '';
    this.asking = '';
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    const code = this.#field?.value.trim() ?? '';
    this.#changed();
    if (code === '') {
      this.fault = 'Type the code that you were given.';
      return;
    }
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.asking = 'Asking the servers…';
    try {
      const onProgress = (progress: TaskProgress) => {
        if (signal.aborted || progress.stage !== 'step') return;
        this.asking = `Asking the servers: ${progress.done} of ${progress.total}`;
      };
      const contents = await this.#peek?.(code, { signal, onProgress });
      if (signal.aborted) return;
      this.contents = contents;
      this.#code = code;
    } catch (error) {
      if (signal.aborted) return;
      this.fault = sentenceOf(error);
    }
    this.asking = '';
    await this.updateComplete;
    const next = this.renderRoot.querySelector<HTMLElement>('[data-testid="take-yes"]');
    (next ?? this.#field)?.focus();
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  get #field(): HTMLInputElement | null {
    return this.renderRoot.querySelector('#code');
  }

  #end(code: string | undefined): void {
    this.#answer?.(code);
    this.#answer = undefined;
    this.#code = '';
    this.#changed();
    const field = this.#field;
    if (field !== null) field.value = '';
    this.#dialog?.close();
  }

  /** Escape. The event comes late: the next question may be open by now. */
  #closed(): void {
    if (this.#dialog?.open === false) this.#end(undefined);
  }
}

customElements.define('andvari-take-dialog', AndvariTakeDialog);
