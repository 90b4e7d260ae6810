import { css } from 'lit';

/** Small tiles side by side, one for each server, and what is too long for them. */
export const tileStyles = css`
  .strip {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(4.7rem, 1fr));
    gap: 0.4rem;
  }
  .strip li {
    display: grid;
    grid-template-columns: auto 1fr;
    align-content: start;
    align-items: center;
    column-gap: 0.45rem;
    padding: 0.3rem 0.55rem;
    border: 1px solid var(--line);
    border-radius: var(--radius-small);
    background: var(--surface);
    line-height: 1.25;
  }
  .strip svg {
    width: 12px;
    height: 12px;
  }
  .id {
    font-weight: 650;
  }
  .ms {
    grid-column: 1 / -1;
    font-size: 0.78rem;
    color: var(--ink-soft);
    white-space: nowrap;
  }
  .peer {
    display: grid;
    font-size: 0.72rem;
  }
  .roots {
    margin-top: 0.7rem;
    font-size: 0.85rem;
  }
  .roots summary {
    cursor: pointer;
  }
  .roots p,
  .roots dt {
    margin-top: 0.4rem;
  }
  .roots code {
    overflow-wrap: anywhere;
    /* One click takes all of it. */
    user-select: all;
  }
  @media (min-width: 62rem) {
    .strip {
      grid-template-columns: repeat(13, 1fr);
    }
  }
`;
