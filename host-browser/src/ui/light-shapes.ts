import { type SVGTemplateResult, svg } from 'lit';
import { Light } from '../worker/views.ts';

const CROSS = 'M4.6 4.6 9.4 9.4M9.4 4.6 4.6 9.4';

/**
 * Each result has a shape of its own, so that the lights read without colour: a disc passes, a
 * crossed square fails, an open ring gave no answer, a triangle is an error. 14 x 14 units.
 */
export const LIGHT_SHAPES: Readonly<Record<Light, SVGTemplateResult>> = {
  [Light.UNTRIED]: svg`<circle class="untried" cx="7" cy="7" r="1.7" />`,
  [Light.PENDING]: svg`<circle class="pending" cx="7" cy="7" r="3" />`,
  [Light.PASS]: svg`<circle class="pass" cx="7" cy="7" r="5.6" />`,
  [Light.FAIL]: svg`<rect class="fail" x="1.6" y="1.6" width="10.8" height="10.8" rx="1.6" />
    <path class="cut" d=${CROSS} />`,
  [Light.SILENT]: svg`<circle class="silent" cx="7" cy="7" r="4.6" />`,
  [Light.UNREACHABLE]: svg`<circle class="silent" cx="7" cy="7" r="4.6" />`,
  [Light.ERROR]: svg`<path class="error" d="M7 1.2 13.2 12.4H.8Z" />
    <path class="cut" d="M7 5.2V8.2M7 10.2V10.6" />`,
  [Light.REFUSED]: svg`<rect class="refused" x="2.4" y="2.4" width="9.2" height="9.2" rx="1" />
    <path class="refused" d="M4.6 7H9.4" />`,
};
