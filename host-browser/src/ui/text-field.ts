import { css, html, type TemplateResult } from 'lit';

/** One line of text under its label; `id` is also what tests find it by. */
export function textField(id: string, label: string, value: string): TemplateResult {
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input
      type="text"
      id=${id}
      data-testid=${id}
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      .defaultValue=${value}
    />
  </div>`;
}

export const textFieldStyles = css`
  .field {
    display: grid;
    gap: 0.3rem;
  }
  .field > label {
    font-weight: 600;
    font-size: 0.9rem;
  }
  input[type='text'] {
    width: 100%;
    min-height: 2.5rem;
    padding: 0.35rem 0.7rem;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-small);
    background: var(--ground);
  }
`;
