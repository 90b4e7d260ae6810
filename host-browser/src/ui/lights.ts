import { css, html, LitElement, svg } from 'lit';
import type { Light } from '../worker/views.ts';
import { LIGHT_WORDS, lightAt } from './format.ts';
import { LIGHT_SHAPES } from './light-shapes.ts';
import { lightStyles } from './light-styles.ts';
import { sharedStyles } from './shared-styles.ts';

const SERVERS = Array.from({ length: 25 }, (_, raidaId) => raidaId);

/** The 25 lights of one coin, in five groups of five. `lights` is 25 Light characters. */
export class AndvariLights extends LitElement {
  static override properties = { lights: { type: String } };
  static override styles = [
    sharedStyles,
    lightStyles,
    css`
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 0.4rem 0.5rem;
      }
      .five {
        display: flex;
        gap: 3px;
      }
      svg {
        display: block;
        width: var(--light-size, 14px);
        height: var(--light-size, 14px);
      }
    `,
  ];

  declare lights: string;

  constructor() {
    super();
    this.lights = '';
  }

  protected override render() {
    const fives = [0, 5, 10, 15, 20].map(
      (first) =>
        html`<div class="five">
          ${SERVERS.slice(first, first + 5).map((id) => this.#light(id))}
        </div>`,
    );
    return html`<div class="row" role="group" aria-label="Results of the 25 servers">
      ${fives}
    </div>`;
  }

  #light(raidaId: number) {
    const light: Light = lightAt(this.lights, raidaId);
    const words = `Server ${raidaId}: ${LIGHT_WORDS[light]}`;
    return html`<span
      role="img"
      aria-label=${words}
      title=${words}
      data-light=${light}
      data-server=${raidaId}
    >
      <svg viewBox="0 0 14 14" aria-hidden="true">${LIGHT_SHAPES[light] ?? svg``}</svg>
    </span>`;
  }
}

customElements.define('andvari-lights', AndvariLights);
