import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LiveScreen } from './live-screen.ts';
import { type NetworkView, renderNetwork } from './network-table.ts';

const view: NetworkView = {
  wallet: 'http://127.0.0.1:8080',
  walletBuilt: true,
  demoVisitors: 1023,
  rows: Array.from({ length: 25 }, (_, raidaId) => ({
    raidaId,
    port: 25000 + raidaId,
    httpPort: 9100 + raidaId,
    ready: raidaId !== 7,
    requests: raidaId * 100_000,
    coins: 6144,
    lastStatus: raidaId === 0 ? -1 : 250,
  })),
};

describe('renderNetwork', () => {
  it('has the wallet first, then a row for each server', () => {
    const lines = renderNetwork(view, { columns: 80, rows: 50, color: false });
    expect(lines[0]).toBe('Wallet   http://127.0.0.1:8080');
    expect(lines[1]).toContain('24 of 25 servers ready');
    expect(lines).toHaveLength(3 + 1 + 25);
    expect(lines[4]).toMatch(/^ {4}0 {4}25000 {3}9100 {2}ready .* 6,144 +-$/);
    expect(lines[11]).toContain('not ready');
    expect(lines[28]).toMatch(/^ {3}24 {4}25024 {3}9124 {2}ready +2,400,000 +6,144 +250$/);
  });

  it('has what its peers know of each server, and of those that nobody has heard', () => {
    const countRoot = '3fa1b2c4'.padEnd(64, '0');
    const status = { version: '20261121', countRoot, load: 1200, ageMs: 3400 };
    const peer = { verified: 24, others: 24, ...status };
    const rows = view.rows.map((row) => {
      return { ...row, peer: row.raidaId === 3 ? { verified: 7, others: 24 } : peer };
    });
    const lines = renderNetwork({ ...view, rows }, { columns: 120, rows: 50, color: false });
    expect(lines[1]).toContain('24 know all their peers; demo coins');
    expect(lines[3]).toMatch(/ {2}last status {2}peers {3}version {6}root {5}load {2}seen$/);
    expect(lines[4]).toMatch(/ - {2}24\/24 {2}20261121 {2}3fa1b2c4 {2}1,200\/s {3}3 s$/);
    expect(lines[7]).toMatch(/ 250 {3}7\/24 {9}- {9}- {8}- {5}-$/);
    const widths = new Set(lines.slice(3).map((line) => line.length));
    expect(widths.size).toBe(1);
    expect(widths).toContain(109);
    const narrow = renderNetwork({ ...view, rows }, { columns: 80, rows: 50, color: false });
    expect(narrow[3]).toMatch(/^RAIDA {2}state .* coins {2}peers .* {6}root {5}load {2}seen$/);
    expect(narrow[5]).toMatch(/^ {4}1 {2}ready .* 6,144 {2}24\/24 .* {2}3fa1b2c4 .* {3}3 s$/);
    expect(narrow[3]).toHaveLength(80);
    const without = renderNetwork(view, { columns: 120, rows: 50, color: false });
    expect(without.join()).not.toContain('peers');
  });

  it('says when servers tell of different coin counts', () => {
    const peerOf = (digit: string) => {
      const status = { version: '1', countRoot: digit.repeat(64), load: 1, ageMs: 1 };
      return { verified: 24, others: 24, ...status };
    };
    const rows = view.rows.map((row) => ({ ...row, peer: peerOf(row.raidaId === 9 ? 'b' : 'a') }));
    const lines = renderNetwork({ ...view, rows }, { columns: 120, rows: 50, color: false });
    expect(lines[1]).toContain('25 know all their peers; 2 coin count roots; demo coins');
    expect(lines.filter((line) => line.includes(' bbbbbbbb '))).toEqual([lines[4 + 9]]);
  });

  it('has room for any number of requests', () => {
    const rows = [99_999_999, 100_000_000, 12_345_678_901].map((requests) => {
      return { ...view.rows[1], requests } as NetworkView['rows'][0];
    });
    const lines = renderNetwork({ ...view, rows }, { columns: 80, rows: 50, color: false });
    const shown = lines.slice(4).map((line) => line.split(/ +/).at(-3));
    expect(shown).toEqual(['99,999,999', '100M', '12.35B']);
    expect(new Set(lines.slice(3).map((line) => line.length)).size).toBe(1);
  });

  it('is a grid where there is no room', () => {
    const lines = renderNetwork(view, { columns: 80, rows: 24, color: true });
    expect(lines).toHaveLength(3 + 5);
    expect(lines.map(stripVTControlCharacters)[4]).toMatch(/^ 5 \+ 500,000 +6 \+ .* 7 - 700,000/);
  });

  it.each([1, 20, 40, 79])('never wraps in %i columns', (columns) => {
    for (const rows of [5, 100]) {
      for (const line of renderNetwork(view, { columns, rows, color: true })) {
        expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('says how to get the page when it was not built', () => {
    const lines = renderNetwork(
      { ...view, walletBuilt: false },
      { columns: 99, rows: 9, color: false },
    );
    expect(lines[0]).toContain('npm run build');
  });
});

/** What a terminal shows after some output: enough of one to check the redrawing. */
function shown(output: string): string[] {
  const screen: string[] = [''];
  let row = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal reads.
  for (const part of output.match(/\u001b\[\d+[AJ]|\n|\r|[^\u001b\n\r]+/g) ?? []) {
    const move = /(\d+)A$/.exec(part);
    if (part === '\n') screen[++row] ??= '';
    else if (move) row -= Number(move[1]);
    else if (part.endsWith('J') && part.startsWith('\u001b')) screen.splice(row, Infinity, '');
    else if (part !== '\r') screen[row] += part;
  }
  return screen;
}

describe('LiveScreen', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('redraws in place, at most twice a second, and only what changed', () => {
    vi.useFakeTimers();
    let output = '';
    let writes = 0;
    let count = 0;
    const terminal = {
      columns: 80,
      write: (text: string) => {
        output += text;
        writes++;
      },
    };
    const screen = new LiveScreen(terminal, () => ['head', `count ${count}`]);
    screen.start();
    expect(shown(output)).toEqual(['head', 'count 0', '']);
    for (count = 1; count < 100; count++) vi.advanceTimersByTime(10);
    count = 99;
    vi.advanceTimersByTime(500);
    expect(shown(output)).toEqual(['head', 'count 99', '']);
    expect(writes).toBeLessThanOrEqual(4);
    const before = writes;
    vi.advanceTimersByTime(5000);
    expect(writes).toBe(before);
    screen.log('a log line\n');
    expect(shown(output)).toEqual(['a log line', 'head', 'count 99', '']);
    count = 100;
    screen.stop();
    expect(shown(output)).toEqual(['a log line', 'head', 'count 100', '']);
    screen.log('after\n');
    expect(shown(output)).toEqual(['a log line', 'head', 'count 100', 'after', '']);
    vi.advanceTimersByTime(5000);
    expect(shown(output)).toHaveLength(5);
  });
});
