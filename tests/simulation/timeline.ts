/**
 * Draws a trace as one SVG: for each direction of each session the numbers of its packets over time
 * and which of them were acked, and below it a ladder: a lane for each node, an arrow for each
 * packet, losses marked, epochs and addresses as bands along the lanes.
 */
import type { PacketLine, TraceLine } from './recorder.ts';

const WIDTH = 1200;
const MARGIN = 70;
const PLOT_HEIGHT = 220;
/** Packets of a session that are worth a plot. */
const PLOT_LEAST = 10;
/** Packets of the ladder; a longer run goes on in the trace. */
const LADDER_MAX = 1500;
/** Height between two moments of the ladder: 12 pixels a millisecond, within these. */
const GAP_MIN = 3;
const GAP_MAX = 48;
const PIXELS_PER_US = 0.012;

const COLOURS: Record<string, string> = {
  DATA: '#1f5fa8',
  ACK: '#8a8f98',
  STREAM_OPEN: '#7a3fb0',
  STREAM_CLOSE: '#7a3fb0',
  STREAM_RESET: '#7a3fb0',
  REKEY: '#c26a00',
  CLOSE: '#b00020',
};
const HANDSHAKE = '#00796b';
const OTHER = '#4a6b2a';
const LOST = '#d32f2f';
const BANDS = ['#e8eef7', '#f7efe2', '#e9f5ea', '#f5e8f0'];

export interface TimelineOptions {
  title: string;
  nodes: number;
}

export function timeline(lines: readonly TraceLine[], { title, nodes }: TimelineOptions): string {
  const packets = lines.filter((line): line is PacketLine => line.event === 'packet');
  const parts: string[] = [];
  let top = 90;
  for (const [name, ones] of bySession(packets)) {
    if (ones.length < PLOT_LEAST) continue;
    parts.push(`<g transform="translate(0 ${top})">${plot(name, ones, packets)}</g>`);
    top += PLOT_HEIGHT + 60;
  }
  const ladder = new Ladder(lines, nodes);
  parts.push(`<g transform="translate(0 ${top})">${ladder.draw()}</g>`);
  const height = top + ladder.height + 40;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}"`,
    ` viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(MARGIN, 26, title, 'font-size="16" font-weight="bold"'),
    legend(),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function legend(): string {
  const kinds = {
    handshake: HANDSHAKE,
    data: COLOURS.DATA,
    ack: COLOURS.ACK,
    stream: COLOURS.STREAM_OPEN,
  };
  const all = { ...kinds, rekey: COLOURS.REKEY, close: COLOURS.CLOSE, other: OTHER, lost: LOST };
  const items = Object.entries(all).map(([name, colour], i) => {
    const x = MARGIN + 110 * i;
    return `<circle cx="${x}" cy="42" r="4" fill="${colour}"/>${text(x + 8, 46, name)}`;
  });
  return items.join('');
}

function text(x: number, y: number, content: string, more = ''): string {
  const safe = content.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${safe}</text>`;
}

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

function box({ x, y, width, height }: Place, more: string): string {
  const size = `width="${round(width)}" height="${round(height)}"`;
  return `<rect x="${round(x)}" y="${round(y)}" ${size} ${more}/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function isLost({ fate }: PacketLine): boolean {
  return fate !== 'sent' && fate !== 'straggling';
}

function colourOf(packet: PacketLine): string {
  if (packet.session === undefined) return HANDSHAKE;
  return COLOURS[packet.kind] ?? OTHER;
}

/** Packets of sessions by who sent them, to whom and in which session. */
function bySession(packets: readonly PacketLine[]): Map<string, PacketLine[]> {
  const groups = new Map<string, PacketLine[]>();
  for (const packet of packets) {
    if (packet.session === undefined || packet.from === undefined) continue;
    const name = `node ${packet.from}, session ${packet.session & 0xffff}`;
    const group = groups.get(name) ?? [];
    group.push(packet);
    groups.set(name, group);
  }
  return groups;
}

/** Numbers over time: dots that were sent, crosses that were lost, a line for what was acked. */
function plot(name: string, ones: readonly PacketLine[], all: readonly PacketLine[]): string {
  const [first] = ones;
  const fromUs = first?.us ?? 0;
  const toUs = Math.max(fromUs + 1000, ones.at(-1)?.us ?? 0);
  const x = (us: number) => MARGIN + ((us - fromUs) * (WIDTH - 2 * MARGIN)) / (toUs - fromUs);
  const y = (index: number) =>
    PLOT_HEIGHT - (index * (PLOT_HEIGHT - 20)) / Math.max(1, ones.length);
  const indices = new Map(ones.map(({ epoch, number }, i) => [`${epoch}/${number}`, i]));
  const parts = [
    box(
      { x: MARGIN, y: 0, width: WIDTH - 2 * MARGIN, height: PLOT_HEIGHT },
      'fill="none" stroke="#ccc"',
    ),
    text(
      MARGIN,
      -6,
      `${name}: ${ones.length} packets in the order they were sent, and the newest acked`,
    ),
    text(MARGIN, PLOT_HEIGHT + 14, `${(fromUs / 1000).toFixed(1)} ms`),
    text(WIDTH - MARGIN, PLOT_HEIGHT + 14, `${(toUs / 1000).toFixed(1)} ms`, 'text-anchor="end"'),
  ];
  ones.forEach((packet, i) => {
    const [px, py] = [round(x(packet.us)), round(y(i))];
    const fill = isLost(packet) ? LOST : colourOf(packet);
    parts.push(`<circle cx="${px}" cy="${py}" r="${isLost(packet) ? 3 : 1.5}" fill="${fill}"/>`);
  });
  const points = acksOf(first, all, indices).map(([us, i]) => `${round(x(us))},${round(y(i))}`);
  parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="#2e7d32"/>`);
  return parts.join('');
}

/** When which packet was the newest that the sender knew to have arrived. */
function acksOf(
  first: PacketLine | undefined,
  all: readonly PacketLine[],
  indices: ReadonlyMap<string, number>,
): [number, number][] {
  const points: [number, number][] = [];
  const arrived = all
    .filter(({ from, to, acks }) => acks && to === first?.from && from === first?.to)
    .flatMap((packet) => packet.arrivalsUs.slice(0, 1).map((us) => ({ us, packet })))
    .sort((a, b) => a.us - b.us);
  let newest = 0;
  for (const { us, packet } of arrived) {
    const index = indices.get(`${packet.acksEpoch}/${packet.acks?.[0]?.[1]}`) ?? 0;
    if (index <= newest) continue;
    points.push([us, newest], [us, index]);
    newest = index;
  }
  return points;
}

/** Lanes from above to below, on a time scale that shortens silence. */
class Ladder {
  readonly height: number;
  private readonly lines: readonly TraceLine[];
  private readonly packets: PacketLine[];
  private readonly nodes: number;
  private readonly places = new Map<number, number>();

  constructor(lines: readonly TraceLine[], nodes: number) {
    this.nodes = nodes;
    const all = lines.filter((line): line is PacketLine => line.event === 'packet');
    this.packets = all.slice(0, LADDER_MAX);
    const lastUs = this.packets.at(-1)?.us ?? 0;
    this.lines = lines.filter(({ us }) => us <= lastUs);
    const moments = this.lines.flatMap((line) =>
      line.event === 'packet' ? [line.us, ...line.arrivalsUs] : [line.us],
    );
    let place = 40;
    let before = 0;
    for (const us of [...new Set(moments)].sort((a, b) => a - b)) {
      place += Math.min(GAP_MAX, Math.max(GAP_MIN, (us - before) * PIXELS_PER_US));
      this.places.set(us, place);
      before = us;
    }
    this.height = place + 30;
  }

  private x(node: number | undefined): number {
    // Outsiders have the lane on the right.
    const lane = node ?? this.nodes;
    return MARGIN + 80 + (lane * (WIDTH - 2 * MARGIN - 160)) / this.nodes;
  }

  private y(us: number): number {
    return this.places.get(us) ?? this.height;
  }

  draw(): string {
    const lanes = Array.from({ length: this.nodes + 1 }, (_, node) => {
      const x = round(this.x(node));
      const name = node === this.nodes ? 'others' : `node ${node}`;
      const line = `<line x1="${x}" y1="30" x2="${x}" y2="${round(this.height)}" stroke="#999"/>`;
      return `${line}${text(x, 20, name, 'text-anchor="middle" font-weight="bold"')}`;
    });
    const marks = this.lines.map((line) => {
      if (line.event === 'packet') return this.arrows(line);
      return line.event === 'incident' ? this.mark(line.us, line.kind, line.node) : '';
    });
    return [...this.bands('epoch'), ...this.bands('address'), ...lanes, ...marks].join('\n');
  }

  private mark(us: number, kind: string, node: number | undefined): string {
    const y = round(this.y(us));
    const where = node === undefined ? '' : ` at node ${node}`;
    const line = `<line x1="${MARGIN}" y1="${y}" x2="${WIDTH - MARGIN}" y2="${y}" stroke="#c26a00"`;
    const label = text(
      MARGIN,
      y - 2,
      `${kind}${where}, ${(us / 1000).toFixed(3)} ms`,
      'fill="#c26a00"',
    );
    return `${line} stroke-dasharray="4 3"/>${label}`;
  }

  private arrows(packet: PacketLine): string {
    const [x1, y1] = [round(this.x(packet.from)), round(this.y(packet.us))];
    const target = this.x(packet.to);
    const colour = isLost(packet) || packet.damaged ? LOST : colourOf(packet);
    const label = `${packet.kind}${packet.number === undefined ? '' : ` ${packet.number}`}`;
    const side = target > x1 ? 6 : -6;
    const anchor = side > 0 ? 'start' : 'end';
    const parts = [text(x1 + side, y1 + 3, label, `font-size="7" text-anchor="${anchor}"`)];
    const stroke = `stroke="${colour}" stroke-width="0.8"`;
    if (isLost(packet)) {
      const x2 = round(x1 + (target - x1) / 2);
      parts.push(`<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y1}" ${stroke}/>`);
      parts.push(text(x2, y1 + 4, `× ${packet.fate}`, `fill="${LOST}" font-size="9"`));
    }
    for (const us of packet.arrivalsUs) {
      const [x2, y2] = [round(target), round(this.y(us))];
      parts.push(`<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" ${stroke}/>`);
      parts.push(`<circle cx="${x2}" cy="${y2}" r="1.8" fill="${colour}"/>`);
    }
    if (packet.damaged)
      parts.push(text(target - 2 * side, y1 + 10, 'damaged', `fill="${LOST}" font-size="8"`));
    return parts.join('');
  }

  /** What a node's packets carry at a time: the epoch left of its lane, its address right of it. */
  private bands(what: 'epoch' | 'address'): string[] {
    const parts: string[] = [];
    for (let node = 0; node < this.nodes; node++) {
      const x = this.x(node) + (what === 'epoch' ? -14 : 6);
      const own = this.packets.filter((one) => one.from === node && one.session !== undefined);
      const bandOf = (one: PacketLine) => (what === 'epoch' ? `epoch ${one.epoch}` : one.source);
      for (let i = 0, runs = 0; i < own.length; runs++) {
        const first = own[i] as PacketLine;
        let end = i;
        while (end + 1 < own.length && bandOf(own[end + 1] as PacketLine) === bandOf(first)) end++;
        const y1 = this.y(first.us);
        const y2 = this.y((own[Math.min(end + 1, own.length - 1)] as PacketLine).us);
        const fill = BANDS[runs % BANDS.length];
        const height = Math.max(2, y2 - y1);
        const turned = `transform="rotate(90 ${round(x + 2)} ${round(y1 + 4)})"`;
        parts.push(
          box({ x, y: y1, width: 8, height }, `fill="${fill}"`),
          text(x + 6, y1 + 4, bandOf(first), `font-size="7" fill="#555" ${turned}`),
        );
        i = end + 1;
      }
    }
    return parts;
  }
}
