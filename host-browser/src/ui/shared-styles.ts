import { css } from 'lit';

/** Controls and text that look the same in every component. */
export const sharedStyles = css`
  :host {
    display: block;
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h1,
  h2,
  h3,
  p,
  ol,
  ul,
  dl,
  dd {
    margin: 0;
    padding: 0;
  }
  ol,
  ul {
    list-style: none;
  }
  h2 {
    font: 600 1.25rem/1.25 var(--serif);
    letter-spacing: -0.005em;
  }
  button,
  input {
    font: inherit;
    color: inherit;
  }
  button {
    appearance: none;
    min-height: 2.5rem;
    padding: 0.45rem 1rem;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-small);
    background: transparent;
    color: var(--ink);
    font-weight: 550;
    line-height: 1.2;
    cursor: pointer;
    transition:
      background-color 120ms,
      border-color 120ms;
  }
  button:hover:not(:disabled) {
    background: var(--wash);
    border-color: var(--ink-soft);
  }
  button:disabled {
    cursor: not-allowed;
    color: var(--ink-soft);
    border-color: var(--line);
    border-style: dashed;
  }
  button.primary:not(:disabled) {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--accent-ink);
  }
  button.primary:hover:not(:disabled) {
    background: var(--accent-hover);
    border-color: var(--accent-hover);
  }
  button.danger:not(:disabled) {
    color: var(--fail);
    border-color: currentColor;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  input[type='checkbox'] {
    width: 1.15rem;
    height: 1.15rem;
    margin: 0;
    accent-color: var(--accent);
    cursor: pointer;
  }
  .soft {
    color: var(--ink-soft);
  }
  .for-reader {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .number {
    font-variant-numeric: tabular-nums;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
