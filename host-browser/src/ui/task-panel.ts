import { css, html, LitElement, nothing } from 'lit';
import { sharedStyles } from './shared-styles.ts';
import type { TaskState } from './task.ts';
import { announcementOf, fractionOf, headlineOf } from './task.ts';
import { STEP_WORDS } from './task-steps.ts';

/** At most one spoken sentence in this time; the last word is always spoken. */
const ANNOUNCE_INTERVAL_MS = 2_000;

/** What is under way, how far it is, and the way to stop it. Fires `cancel-task`. */
export class AndvariTaskPanel extends LitElement {
  static override properties = {
    task: { attribute: false },
    spoken: { state: true },
  };
  static override styles = [
    sharedStyles,
    css`
      .panel {
        display: grid;
        grid-template-columns: 1fr auto;
        align-items: center;
        gap: 0.4rem 1rem;
        margin-top: 1.25rem;
        padding: 1rem 1.1rem;
        border: 1px solid var(--gold-bright);
        border-radius: var(--radius);
        background: var(--surface);
        box-shadow: var(--shadow);
      }
      .headline {
        font-weight: 600;
      }
      .steps {
        grid-column: 1 / -1;
        display: flex;
        flex-wrap: wrap;
        gap: 0.2rem 1.4rem;
        font-size: 0.9rem;
        color: var(--ink-soft);
      }
      .steps li::before {
        content: '○';
        margin-inline-end: 0.4em;
      }
      .steps .done::before {
        content: '●';
        color: var(--gold-bright);
      }
      .steps .current {
        font-weight: 600;
        color: var(--ink);
      }
      .steps .current::before {
        content: '◐';
        color: var(--gold-bright);
      }
      progress {
        grid-column: 1 / -1;
        width: 100%;
        height: 0.6rem;
        appearance: none;
        border: 0;
        border-radius: 1em;
        overflow: hidden;
        background: var(--sunken);
        accent-color: var(--gold-bright);
      }
      progress::-webkit-progress-bar {
        background: var(--sunken);
      }
      progress::-webkit-progress-value {
        background: var(--gold-bright);
        border-radius: 1em;
        transition: width 160ms;
      }
      progress::-moz-progress-bar {
        background: var(--gold-bright);
      }
      @media (forced-colors: active) {
        progress {
          appearance: auto;
        }
      }
    `,
  ];

  declare task: TaskState | undefined;
  declare spoken: string;
  #spokenAtMs = Number.NEGATIVE_INFINITY;

  constructor() {
    super();
    this.spoken = '';
  }

  protected override willUpdate(): void {
    const { task } = this;
    if (task === undefined) {
      this.spoken = '';
      this.#spokenAtMs = Number.NEGATIVE_INFINITY;
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#spokenAtMs < ANNOUNCE_INTERVAL_MS) return;
    this.#spokenAtMs = nowMs;
    this.spoken = announcementOf(task);
  }

  protected override render() {
    const { task } = this;
    return html`
      <p class="for-reader" role="status" aria-live="polite">${this.spoken}</p>
      ${task === undefined ? nothing : this.#panel(task)}
    `;
  }

  /** To the button that stops the task. */
  override focus(): void {
    this.renderRoot.querySelector('button')?.focus();
  }

  #panel(task: TaskState) {
    return html`<section
      class="panel"
      aria-label="Under way"
      data-testid="task"
      data-task=${task.kind}
    >
      <div>
        <p class="headline">${headlineOf(task)}</p>
        <p class="soft number" data-testid="task-count">${announcementOf(task)}</p>
      </div>
      <button
        type="button"
        ?disabled=${task.cancelling}
        data-testid="cancel-task"
        @click=${() => this.dispatchEvent(new CustomEvent('cancel-task'))}
      >
        ${task.cancelling ? 'Stopping…' : 'Cancel'}
      </button>
      ${task.steps.length === 0 ? nothing : this.#steps(task)}
      <progress
        max="1"
        value=${fractionOf(task) ?? nothing}
        aria-label="Answers received"
      ></progress>
    </section>`;
  }

  /** The sentence above says the same to readers, once in a while and not at each answer. */
  #steps({ steps }: TaskState) {
    return html`<ol class="steps number" aria-hidden="true">
      ${steps.map(
        ({ name, state, done, total }) => html`<li
          class=${state}
          data-testid="step"
          data-step=${name}
          data-state=${state}
        >
          ${STEP_WORDS[name]} ${state === 'waiting' ? nothing : html`${done}/${total}`}
        </li>`,
      )}
    </ol>`;
  }
}

customElements.define('andvari-task-panel', AndvariTaskPanel);
