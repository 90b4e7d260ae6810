import { css } from 'lit';

/** A modal dialog of the page and its row of buttons. */
export const dialogStyles = css`
  dialog {
    width: min(30rem, calc(100vw - 2rem));
    max-height: calc(100dvh - 2rem);
    padding: 1.5rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    color: var(--ink);
    box-shadow: var(--shadow);
    overflow-wrap: anywhere;
  }
  dialog::backdrop {
    background: rgb(4 12 16 / 55%);
  }
  /* It takes the focus for the reader's sake; a ring would say that there is something to do. */
  h2:focus-visible {
    outline: none;
  }
  p {
    margin: 0.7rem 0;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    justify-content: flex-end;
    gap: 0.6rem;
    margin-top: 1.3rem;
  }
  .field {
    display: grid;
    gap: 0.3rem;
    margin: 0.7rem 0;
  }
  .field > label {
    font-weight: 600;
  }
  input[type='text'] {
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
  .fault {
    color: var(--fail);
    font-weight: 550;
  }
  .fault:empty {
    margin: 0;
  }
  .warning {
    padding: 0.7rem 0.9rem;
    border-inline-start: 3px solid var(--gold-bright);
    border-radius: 0 var(--radius-small) var(--radius-small) 0;
    background: var(--sunken);
    font-size: 0.95rem;
  }
`;
