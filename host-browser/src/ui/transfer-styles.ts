import { css } from 'lit';

/** The panel for files. */
export const transferStyles = css`
  .card {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr));
    gap: 1.2rem 2rem;
    margin-top: 0.8rem;
    padding: 0.9rem 1.1rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    box-shadow: var(--shadow);
    overflow-wrap: anywhere;
  }
  .side,
  form {
    display: grid;
    align-content: start;
    gap: 0.7rem;
  }
  h3 {
    font: 600 1.05rem/1.3 var(--serif);
  }
  h3:focus-visible {
    outline: none;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
  }
  progress {
    width: 100%;
    height: 0.7rem;
    accent-color: var(--accent);
  }
  .words {
    color: var(--fail);
    font-weight: 550;
  }
  .words:empty,
  .soft:empty,
  .news:empty {
    display: none;
  }
  output,
  code {
    display: block;
    padding: 0.5rem 0.7rem;
    border-radius: var(--radius-small);
    background: var(--sunken);
    font: 0.85rem/1.4 ui-monospace, monospace;
    user-select: all;
  }
  svg {
    width: min(13rem, 100%);
    border-radius: var(--radius-small);
  }
  summary {
    cursor: pointer;
    font-weight: 600;
  }
  summary + .field {
    margin-top: 0.6rem;
  }
  .kept {
    grid-column: 1 / -1;
    display: grid;
    gap: 0.5rem;
    padding-top: 0.8rem;
    border-top: 1px solid var(--line);
  }
  .kept li {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0.4rem 1rem;
  }
`;
