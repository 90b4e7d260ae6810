import { css, html, LitElement, nothing } from 'lit';
import { sharedStyles } from './shared-styles.ts';

/**
 * Where coins come in: a drop zone for files that is also a file button, lockers, and demo coins
 * where the network has them. Fires `coin-files` with File[], `take-locker` and `demo-coins`.
 * Files may be dropped anywhere on the page; the zone says so while one is over it.
 */
export class AndvariIntake extends LitElement {
  static override properties = {
    demo: { type: Boolean },
    busy: { type: Boolean },
    empty: { type: Boolean },
    over: { state: true },
  };
  static override styles = [
    sharedStyles,
    css`
      .zone {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.7rem 1rem;
        padding: 1rem 1.1rem;
        border: 1.5px dashed var(--line-strong);
        border-radius: var(--radius);
        background: color-mix(in srgb, var(--surface) 60%, transparent);
        transition: background-color 120ms;
      }
      .zone.over {
        border-style: solid;
        border-color: var(--accent);
        background: var(--wash);
      }
      .empty {
        flex-direction: column;
        padding: clamp(1.5rem, 5vw, 3rem) 1.1rem;
        text-align: center;
      }
      .words {
        flex: 1 1 14rem;
        text-wrap: pretty;
      }
      .empty .words {
        flex: none;
        max-width: 30rem;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        justify-content: inherit;
        gap: 0.6rem;
      }
      .empty .buttons {
        justify-content: center;
      }
    `,
  ];

  declare demo: boolean;
  declare busy: boolean;
  declare empty: boolean;
  declare over: boolean;
  #stop = new AbortController();

  constructor() {
    super();
    this.demo = false;
    this.busy = false;
    this.empty = false;
    this.over = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    window.addEventListener('dragover', (event) => this.#dragged(event, true), { signal });
    window.addEventListener('dragleave', (event) => this.#left(event), { signal });
    window.addEventListener('drop', (event) => this.#dropped(event), { signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop.abort();
  }

  protected override render() {
    const classes = `zone ${this.over ? 'over' : ''} ${this.empty ? 'empty' : ''}`;
    return html`<section class=${classes} aria-label="Add coins" data-testid="drop-zone">
      <p class="words">
        ${
          this.empty
            ? html`<strong>No coins yet.</strong> Drop coin files anywhere on this page, or choose
                them; they are read here and sent to nobody.`
            : html`Drop coin files anywhere on this page to add them.`
        }
      </p>
      <div class="buttons">
        <button
          type="button"
          class=${this.empty && !this.demo ? 'primary' : ''}
          ?disabled=${this.busy}
          data-testid="choose-files"
          @click=${() => this.#input?.click()}
        >
          Choose coin files
        </button>
        ${
          this.demo
            ? html`<button
                type="button"
                class=${this.empty ? 'primary' : ''}
                ?disabled=${this.busy}
                data-testid="demo-coins"
                @click=${() => this.dispatchEvent(new CustomEvent('demo-coins'))}
              >
                Take demo coins
              </button>`
            : nothing
        }
        <button
          type="button"
          ?disabled=${this.busy}
          data-testid="take-locker"
          @click=${() => this.dispatchEvent(new CustomEvent('take-locker'))}
        >
          Take from locker…
        </button>
        <input type="file" multiple hidden data-testid="file-input" @change=${this.#chosen} />
      </div>
    </section>`;
  }

  get #input(): HTMLInputElement | null {
    return this.renderRoot.querySelector('input[type=file]');
  }

  #chosen(): void {
    const input = this.#input;
    this.#give(input?.files);
    // Choosing the same file again must count as a change.
    if (input !== null) input.value = '';
  }

  #dragged(event: DragEvent, over: boolean): void {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = this.busy ? 'none' : 'copy';
    this.over = over && !this.busy;
  }

  #left(event: DragEvent): void {
    if (event.relatedTarget === null) this.over = false;
  }

  #dropped(event: DragEvent): void {
    // Also while busy: the browser would else leave the page to show the file.
    this.#dragged(event, false);
    if (!this.busy) this.#give(event.dataTransfer?.files);
  }

  #give(list: FileList | null | undefined): void {
    const files = Array.from(list ?? []);
    if (files.length > 0) this.dispatchEvent(new CustomEvent('coin-files', { detail: files }));
  }
}

customElements.define('andvari-intake', AndvariIntake);
