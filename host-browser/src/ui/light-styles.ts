import { css } from 'lit';

/** Fill and stroke of light-shapes.ts, for any component that draws them. */
export const lightStyles = css`
  .pass {
    fill: var(--pass);
  }
  .fail {
    fill: var(--fail);
  }
  .error {
    fill: var(--error);
  }
  .cut {
    fill: none;
    stroke: var(--surface);
    stroke-width: 1.6;
    stroke-linecap: round;
  }
  .silent {
    fill: none;
    stroke: var(--silent);
    stroke-width: 1.6;
  }
  .refused {
    fill: none;
    stroke: var(--error);
    stroke-width: 1.6;
  }
  .untried {
    fill: var(--line-strong);
  }
  .pending {
    fill: var(--gold-bright);
    animation: breathe 1.1s ease-in-out infinite alternate;
  }
  @keyframes breathe {
    from {
      opacity: 0.25;
    }
  }
  @media (forced-colors: active) {
    .pass,
    .fail,
    .error,
    .untried,
    .pending {
      fill: CanvasText;
    }
    .silent,
    .refused {
      stroke: CanvasText;
    }
    .cut {
      stroke: Canvas;
    }
  }
`;
