import { css, html, LitElement, nothing, svg } from 'lit';
import { Light } from '../worker/views.ts';
import { lightAt } from './format.ts';
import { sharedStyles } from './shared-styles.ts';

const BEADS = 25;
const RADIUS = 88;
const CROSS = 'M-2.4 -2.4 2.4 2.4M2.4 -2.4 -2.4 2.4';

/**
 * Andvari's ring: 25 beads, one a server, with whatever is slotted in the middle. A picture only;
 * the same facts stand in words beside it. `lights` is 25 Light characters.
 */
export class AndvariRing extends LitElement {
  static override properties = { lights: { type: String } };
  static override styles = [
    sharedStyles,
    css`
      :host {
        position: relative;
        display: grid;
        place-items: center;
        aspect-ratio: 1;
      }
      svg {
        grid-area: 1 / 1;
        width: 100%;
        height: 100%;
        overflow: visible;
      }
      .middle {
        grid-area: 1 / 1;
        max-width: 72%;
        text-align: center;
      }
      .band {
        fill: none;
        stroke: var(--gold-bright);
        stroke-opacity: 0.45;
        stroke-width: 1.4;
      }
      .bead {
        fill: var(--ground);
        stroke: var(--line-strong);
        stroke-width: 1.2;
        transition: fill 200ms;
      }
      .bead.pass {
        fill: var(--gold-bright);
        stroke: var(--gold-bright);
      }
      .bead.pending {
        stroke: var(--gold-bright);
        animation: breathe 1.1s ease-in-out infinite alternate;
      }
      .bead.bad {
        stroke: var(--fail);
        stroke-width: 2;
      }
      .cross {
        stroke: var(--fail);
        stroke-width: 1.6;
        stroke-linecap: round;
      }
      text {
        fill: var(--ink-soft);
        font: 500 7px var(--sans);
        text-anchor: middle;
        dominant-baseline: central;
      }
      @keyframes breathe {
        from {
          opacity: 0.35;
        }
      }
      @media (forced-colors: active) {
        .bead.pass {
          fill: CanvasText;
          stroke: CanvasText;
        }
        .band,
        .bead,
        .cross {
          stroke: CanvasText;
        }
      }
    `,
  ];

  declare lights: string;

  constructor() {
    super();
    this.lights = '';
  }

  protected override render() {
    return html`
      <svg viewBox="0 0 220 220" aria-hidden="true">
        <circle class="band" cx="110" cy="110" r=${RADIUS} />
        ${Array.from({ length: BEADS }, (_, raidaId) => this.#bead(raidaId))}
      </svg>
      <div class="middle"><slot></slot></div>
    `;
  }

  #bead(raidaId: number) {
    const angle = (2 * Math.PI * raidaId) / BEADS;
    const at = (radius: number) => [
      (110 + radius * Math.sin(angle)).toFixed(2),
      (110 - radius * Math.cos(angle)).toFixed(2),
    ];
    const [x, y] = at(RADIUS);
    const [textX, textY] = at(RADIUS + 16);
    const kind = beadKind(lightAt(this.lights, raidaId));
    const transform = `translate(${x} ${y})`;
    const cross =
      kind === 'bad' ? svg`<path class="cross" d=${CROSS} transform=${transform} />` : nothing;
    return svg`
      <circle class="bead ${kind}" cx=${x} cy=${y} r="6.4" />
      ${cross}
      ${raidaId % 5 === 0 ? svg`<text x=${textX} y=${textY}>${raidaId}</text>` : ''}
    `;
  }
}

function beadKind(light: Light): string {
  if (light === Light.PASS) return 'pass';
  if (light === Light.PENDING) return 'pending';
  return light === Light.UNTRIED ? '' : 'bad';
}

customElements.define('andvari-ring', AndvariRing);
