/**
 * The state that a server is given before the suite runs: coin records, files and keys, all from
 * formulas. It is the base state of the recorded vectors and a few files more. The keys are
 * published here: a server with this state holds nothing of value.
 */
import { type Coin, coinName, sha256 } from './wire.ts';

export const PAGE_RECORDS = 1024;
/** Records of a page that are in use: the first half. */
export const IN_USE_RECORDS = 512;
/** Pages of each denomination that the state fills. */
export const STATE_PAGES = 8;
export const DENOMINATION_LEAST = -8;
export const DENOMINATION_MOST = 6;
/** Months since February 2023, of every coin in use. */
const STATE_MFS = 30;

export const DEFAULT_RAIDA_ID = 14;
export const DEFAULT_COIN_ID = 6;
export const ADMIN_KEY = Buffer.from('6de9439834c9147569741d3c9c9fc010', 'hex');

/** Of a proxy that nobody runs: commands that need it are answered with 180. */
const PROXY_KEY = Buffer.from('11b524f989a384f58e0d442da6bd6379', 'hex');
const PROXY_PORT = 51999;

/** AN(raida, denomination, serial): start of SHA-256 of `raida-vector-an:RAIDA:DEN:SN`. */
export function stateAn(raidaId: number, { denomination, serialNumber }: Coin): Buffer {
  return sha256(`raida-vector-an:${raidaId}:${denomination}:${serialNumber}`).subarray(0, 16);
}

/** Coin files for 4/45 are there for these. */
export const FILE_COINS: readonly Coin[] = [
  { denomination: 0, serialNumber: 2100 },
  { denomination: 1, serialNumber: 77 },
];

/** The coin records as NDJSON for `andvari coins import`, a page at a time. */
export function* stateRecords(raidaId: number): Generator<string> {
  for (let den = DENOMINATION_LEAST; den <= DENOMINATION_MOST; den++) {
    for (let page = 0; page < STATE_PAGES; page++) {
      let lines = '';
      for (let record = 0; record < PAGE_RECORDS; record++) {
        const sn = page * PAGE_RECORDS + record;
        const an = stateAn(raidaId, { denomination: den, serialNumber: sn }).toString('hex');
        const mfs = record < IN_USE_RECORDS ? STATE_MFS : 0;
        lines += `{"den":${den},"sn":${sn},"an":"${an}","mfs":${mfs}}\n`;
      }
      yield lines;
    }
  }
}

/** A file of the state; `link`: a symbolic link to that path. `folder`: an empty folder. */
export type StateFile =
  | { path: string; content: Buffer }
  | { path: string; link: string }
  | { path: string; folder: true };

export const HELLO = Buffer.from('hello raida');
/** Stands where no command may reach it. */
const OUTSIDE = Buffer.from('outside of the folders');

/** Files below the server's data folder. */
export function stateFiles(): StateFile[] {
  const text = (path: string, content: string | Buffer) => ({
    path,
    content: Buffer.from(content),
  });
  const coins = FILE_COINS.map((coin) => {
    const den = coinName(coin).subarray(0, 1).toString('hex');
    return text(`coins/${den}.${coin.serialNumber}.bin`, coinFile(coin));
  });
  return [
    { path: 'Keys', folder: true },
    { path: 'Trades', folder: true },
    text('Folders/hello.txt', HELLO),
    { path: 'Folders/conformance', folder: true },
    { path: 'Folders/link.txt', link: '../Folders2/outside.txt' },
    { path: 'Folders/other-link.txt', link: '../Folders2/other.txt' },
    text('Folders2/outside.txt', OUTSIDE),
    text('Folders2/other.txt', OUTSIDE),
    text('Zones/a.test.zone', '# zone\nA 10.1.2.3 xx\nSRV 10.9.8.7:50001\n'),
    text('Zones/only-a.test.zone', '# no service here\nA 10.1.2.4 xx\n'),
    ...coins,
  ];
}

/** 440 bytes: coin id at 2, keys at 40: the coin's AN on each of the 25 servers. */
function coinFile(coin: Coin): Buffer {
  const file = Buffer.alloc(440);
  file.writeUInt16BE(DEFAULT_COIN_ID, 2);
  for (let raidaId = 0; raidaId < 25; raidaId++)
    file.set(stateAn(raidaId, coin), 40 + raidaId * 16);
  return file;
}

/** The part of a configuration that the suite relies on; `[raida] number` is the server's. */
export function stateConfig(raidaId: number, wire: string, modern: boolean): string {
  return [
    '# Configuration of a server under the conformance suite. The keys are public.',
    '[node]',
    'data_dir = "data"',
    '',
    '[raida]',
    `number = ${raidaId}`,
    'listen = "127.0.0.1:50000"',
    `wire = "${wire}"`,
    `modern = ${modern}`,
    `coin_id = ${DEFAULT_COIN_ID}`,
    `pages_per_denomination = ${STATE_PAGES}`,
    `admin_key = "${ADMIN_KEY.toString('hex')}"`,
    '# Cases of 4/45 name coins that do not encrypt the request, as seed 001 has it.',
    'open_key_records = true',
    '',
    '# No other servers, and no proxy that answers: cases of 2/80 and group 11 rely on it.',
    'proxy_addr = "127.0.0.1"',
    `proxy_port = ${PROXY_PORT}`,
    `proxy_key = "${PROXY_KEY.toString('hex')}"`,
    '',
    '# Any free port: the suite asks nothing over HTTP.',
    '[http]',
    'listen = "127.0.0.1:0"',
    '',
  ].join('\n');
}
