import { svg } from 'lit';
import { encode } from 'uqr';

/** White around it, in squares: less, and some cameras do not find it. */
const BORDER = 4;

/** A QR code as one path; black on white in both schemes, as cameras want it. */
export function qrCode(text: string, label: string) {
  const { data, size } = encode(text, { ecc: 'M', border: BORDER });
  const squares = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? square(x, y) : '')));
  return svg`<svg
    viewBox="0 0 ${size} ${size}"
    role="img"
    aria-label=${label}
    shape-rendering="crispEdges"
  >
    <rect width=${size} height=${size} fill="#fff"></rect>
    <path d=${squares.join('')} fill="#000"></path>
  </svg>`;
}

function square(x: number, y: number): string {
  return `M${x} ${y}h1v1h-1z`;
}
