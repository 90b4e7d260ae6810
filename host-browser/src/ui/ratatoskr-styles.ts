import { css } from 'lit';

/** The panel of the Ratatoskr connection. */
export const ratatoskrStyles = css`
  .head,
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: end;
    gap: 0.5rem 1rem;
  }
  .head {
    align-items: center;
    justify-content: space-between;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
  }
  .card {
    display: grid;
    gap: 1rem;
    margin-top: 0.8rem;
    padding: 0.9rem 1.1rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    box-shadow: var(--shadow);
    overflow-wrap: anywhere;
  }
  h3 {
    font: 600 1.05rem/1.3 var(--serif);
  }
  .facts {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 0.2rem 1rem;
    font-size: 0.9rem;
  }
  .facts dt {
    color: var(--ink-soft);
  }
  .words {
    color: var(--fail);
    font-weight: 550;
  }
  .news {
    font-weight: 550;
  }
  .words:empty,
  .news:empty {
    display: none;
  }
  summary {
    cursor: pointer;
    font-weight: 600;
  }
  form {
    display: grid;
    gap: 0.7rem;
    margin-top: 0.7rem;
  }
  .field {
    flex: 1 1 12rem;
  }
  code {
    display: block;
    padding: 0.5rem 0.7rem;
    border-radius: var(--radius-small);
    background: var(--sunken);
    font-size: 0.85rem;
  }
  details > p,
  details > button {
    margin-top: 0.7rem;
  }
  details > code {
    margin-top: 0.3rem;
  }
  .offers {
    display: grid;
    margin-top: 0.6rem;
    gap: 0.5rem;
  }
  .offers li {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0.4rem 1rem;
    padding-top: 0.5rem;
    border-top: 1px solid var(--line);
  }
  .open {
    padding: 0.7rem 0.9rem;
    border-inline-start: 3px solid var(--gold-bright);
    background: var(--sunken);
  }
`;
