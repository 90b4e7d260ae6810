import { css } from 'lit';

/** Layout of the open wallet. */
export const walletPageStyles = css`
  :host {
    max-width: 70rem;
    margin: 0 auto;
    padding: 0 clamp(0.8rem, 3vw, 2rem) 4rem;
  }
  .top {
    display: flex;
    align-items: center;
    gap: 0.7rem;
    padding: 1rem 0;
  }
  .name {
    margin-inline-end: auto;
    font: 600 1.45rem/1 var(--serif);
    letter-spacing: 0.005em;
  }
  main {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 1.25rem;
  }
  .hero {
    display: grid;
    grid-template-columns: minmax(13rem, 17rem) 1fr;
    align-items: center;
    gap: clamp(1rem, 5vw, 3.5rem);
    padding: 0.5rem 0 0.75rem;
  }
  .worth {
    font: 600 2.1rem/1.1 var(--serif);
    color: var(--gold);
    letter-spacing: -0.01em;
  }
  .worth[data-length='long'] {
    font-size: 1.25rem;
    overflow-wrap: anywhere;
  }
  .unit {
    margin-top: 0.15rem;
    font-size: 0.8rem;
    color: var(--ink-soft);
  }
  h1 {
    font: 600 clamp(1.5rem, 4vw, 2.1rem) / 1.15 var(--serif);
    letter-spacing: -0.015em;
    text-wrap: balance;
  }
  /* They take the focus for the reader's sake; a ring would say that there is something to do. */
  h1:focus-visible,
  h2:focus-visible {
    outline: none;
  }
  .totals {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(7.2rem, 1fr));
    margin-top: 1.1rem;
    border-top: 1px solid var(--line);
  }
  .total {
    padding: 0.7rem 0.6rem 0.2rem 0;
  }
  .total dt {
    font-size: 0.85rem;
    color: var(--ink-soft);
  }
  .total dd:nth-of-type(1) {
    font: 600 1.6rem/1.2 var(--serif);
  }
  .total dd:nth-of-type(2) {
    font-size: 0.85rem;
    min-height: 1.3em;
    overflow-wrap: anywhere;
  }
  .none dd {
    color: var(--ink-soft);
  }
  .authentic dd:nth-of-type(1) {
    color: var(--pass);
  }
  .fracked dd:nth-of-type(1),
  .limbo dd:nth-of-type(1) {
    color: var(--error);
  }
  .counterfeit dd:nth-of-type(1) {
    color: var(--fail);
  }
  .notice {
    display: flex;
    margin-top: 1.25rem;
    align-items: center;
    justify-content: space-between;
    gap: 0.8rem;
    padding: 0.55rem 0.55rem 0.55rem 1.1rem;
    border: 1px solid var(--line);
    border-inline-start: 4px solid var(--accent);
    border-radius: var(--radius-small);
    background: var(--surface);
    overflow-wrap: anywhere;
  }
  .notice.good {
    border-inline-start-color: var(--pass);
  }
  .notice.bad {
    border-inline-start-color: var(--fail);
  }
  .notice > button {
    flex: none;
    width: 2.5rem;
    padding: 0;
    border-color: transparent;
  }
  .notice .buttons {
    flex: none;
  }
  /* Live regions are always there, or what appears in them is not spoken; empty: no room. */
  .news {
    margin-top: -1.25rem;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0.6rem 1rem;
    margin-top: 0.75rem;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
  }
  .explain {
    max-width: 46rem;
    margin: 0.5rem 0 0.9rem;
    font-size: 0.9rem;
    text-wrap: pretty;
  }
  .card {
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    box-shadow: var(--shadow);
    overflow: hidden;
  }
  andvari-servers {
    margin-top: 1rem;
  }
  @media (max-width: 44rem) {
    .hero {
      grid-template-columns: minmax(0, 1fr);
      text-align: center;
    }
    andvari-ring {
      width: min(15rem, 74vw);
      margin: 0 auto;
    }
    .totals {
      grid-template-columns: minmax(0, 1fr);
    }
    .total {
      display: grid;
      grid-template-columns: 1fr auto minmax(7.5rem, auto);
      align-items: baseline;
      gap: 0.8rem;
      padding: 0.3rem 0;
      border-bottom: 1px solid var(--line);
      text-align: start;
    }
    .total dd:nth-of-type(1) {
      font-size: 1.25rem;
    }
    .total dd:nth-of-type(2) {
      text-align: end;
    }
  }
`;
