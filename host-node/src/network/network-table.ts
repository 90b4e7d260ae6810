import { stripVTControlCharacters } from 'node:util';

/** One server as the table shows it. */
export interface NodeRow {
  raidaId: number;
  port: number;
  httpPort: number;
  ready: boolean;
  requests: number;
  coins: number;
  /** Wire status of the latest reply; -1: none yet. */
  lastStatus: number;
  /** As its peers see it, if it has any. */
  peer?: PeerCells | undefined;
}

export interface PeerCells {
  /** Verified ones, of so many others. */
  verified: number;
  others: number;
  /** Of its last status, as long as there is one; the load in requests a second. */
  version?: string;
  /** Of its coin counts, 64 hex digits. */
  countRoot?: string;
  load?: number;
  ageMs?: number;
}

export interface NetworkView {
  wallet: string;
  /** Whether the wallet page was built and can be opened. */
  walletBuilt: boolean;
  /** Visitors that can still get demo coins. */
  demoVisitors: number;
  rows: readonly NodeRow[];
}

export interface TableSize {
  columns: number;
  rows: number;
  color: boolean;
}

const GRID_COLUMNS = 5;
/** Of a line with everything in it. */
const WIDE_COLUMNS = 109;
/** Of requests and coins, with what is before them. */
const COUNT_COLUMNS = 11;
/** The first digits of a root tell whether two are the same; network.json has all of them. */
const ROOT_DIGITS = 8;
const number = new Intl.NumberFormat('en-US');
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 });

/**
 * The state of a network as lines of text, none longer than the terminal is wide: a row for each
 * server, or a grid of five by five when the terminal has too few lines for that.
 */
export function renderNetwork(view: NetworkView, size: TableSize): string[] {
  const ready = view.rows.filter((row) => row.ready).length;
  const wallet = view.walletBuilt ? view.wallet : `${view.wallet} (page not built: npm run build)`;
  const head = [
    `Wallet   ${paint(wallet, 1, size)}`,
    `Network  ${ready} of ${view.rows.length} servers ready; ${peersText(view.rows)}` +
      `demo coins for ${number.format(view.demoVisitors)} visitors; Ctrl-C stops`,
    '',
  ];
  const tall = head.length + view.rows.length + 2;
  const body = size.rows > tall ? fullTable(view.rows, size) : grid(view.rows, size);
  return [...head, ...body].map((line) => cut(line, size.columns));
}

/** How many servers know all others, and that they tell of different coin counts, if they do. */
function peersText(rows: readonly NodeRow[]): string {
  const peers = rows.flatMap(({ peer }) => peer ?? []);
  if (peers.length === 0) return '';
  const all = peers.filter(({ verified, others }) => verified === others).length;
  const roots = new Set(peers.flatMap(({ countRoot }) => countRoot ?? [])).size;
  return `${all} know all their peers; ${roots > 1 ? `${roots} coin count roots; ` : ''}`;
}

/** Where there is no room for all of it beside the peers, ports and last status go. */
function fullTable(rows: readonly NodeRow[], size: TableSize): string[] {
  const withPeers = rows.some(({ peer }) => peer !== undefined);
  const withPorts = !withPeers || size.columns >= WIDE_COLUMNS;
  const title = [
    'RAIDA',
    withPorts ? '  UDP/TCP   HTTP' : '',
    '  state       requests      coins',
    withPorts ? '  last status' : '',
    withPeers ? '  peers   version      root     load  seen' : '',
  ].join('');
  const lines = rows.map((row) =>
    [
      String(row.raidaId).padStart(5),
      withPorts ? `${String(row.port).padStart(9)}${String(row.httpPort).padStart(7)}` : '',
      `  ${state(row, size)}`,
      counted(row.requests),
      counted(row.coins),
      withPorts ? statusText(row.lastStatus).padStart(13) : '',
      withPeers ? peerCells(row.peer) : '',
    ].join(''),
  );
  return [paint(title, 2, size), ...lines];
}

/** `24/24 20261121 3fa1b2c4 12/s 3 s`: what the others know of a server, and how old that is. */
function peerCells(peer: PeerCells | undefined): string {
  const { verified = 0, others = 0, version = '-', countRoot = '-', load, ageMs } = peer ?? {};
  return [
    `${verified}/${others}`.padStart(7),
    version.slice(0, 9).padStart(10),
    countRoot.slice(0, ROOT_DIGITS).padStart(ROOT_DIGITS + 2),
    (load === undefined ? '-' : `${number.format(load)}/s`).padStart(9),
    (ageMs === undefined ? '-' : `${Math.round(ageMs / 1000)} s`).padStart(6),
  ].join('');
}

/** `12 ready 1,234` in five columns: what fits a small window. */
function grid(rows: readonly NodeRow[], size: TableSize): string[] {
  const lines: string[] = [];
  for (let first = 0; first < rows.length; first += GRID_COLUMNS) {
    const cells = rows.slice(first, first + GRID_COLUMNS).map((row) => {
      const mark = row.ready ? paint('+', 32, size) : paint('-', 31, size);
      return `${String(row.raidaId).padStart(2)} ${mark} ${number.format(row.requests).padEnd(9)}`;
    });
    lines.push(cells.join(' '));
  }
  return lines;
}

/** `1,234`; what takes more digits than there is room for, as `1.23B`. */
function counted(count: number): string {
  const text = number.format(count);
  return (text.length < COUNT_COLUMNS ? text : short.format(count)).padStart(COUNT_COLUMNS);
}

function state(row: NodeRow, size: TableSize): string {
  return row.ready ? paint('ready    ', 32, size) : paint('not ready', 31, size);
}

function statusText(status: number): string {
  return status < 0 ? '-' : String(status);
}

function paint(text: string, style: number, { color }: TableSize): string {
  return color ? `\u001b[${style}m${text}\u001b[0m` : text;
}

/** A line that wraps would break the redrawing in place. What must be cut loses its colour. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : plain.slice(0, Math.max(columns, 1));
}
