import { type SVGTemplateResult, svg } from 'lit';
import { faceOf } from './format.ts';

/** A struck coin: copper below 1, silver from 1, gold from 1,000; its value on the face. */
export function coinDisc(denomination: number): SVGTemplateResult {
  const metal = denomination >= 3 ? 'gold' : denomination >= 0 ? 'silver' : 'copper';
  const face = faceOf(denomination);
  const size = face.length > 3 ? 11 : face.length > 2 ? 13 : 16;
  return svg`<svg class="disc ${metal}" viewBox="0 0 48 48" aria-hidden="true">
    <circle class="rim" cx="24" cy="24" r="22.5" />
    <circle class="milling" cx="24" cy="24" r="19" />
    <text x="24" y="24.8" font-size=${size}>${face}</text>
  </svg>`;
}
