/** The base state of vectors/raida.json, as its meta block states it. */
import { createHash } from 'node:crypto';
import { PAGE_RECORDS, type TwinCoin, type TwinRecord } from './twin-coins.ts';

export const VECTOR_RAIDA_ID = 14;
export const VECTOR_ADMIN_KEY = Buffer.from('6de9439834c9147569741d3c9c9fc010', 'hex');

/** First 16 bytes of the SHA-256 of `raida-vector-an:<raida>:<denomination>:<serial number>`. */
export function vectorAn(raidaId: number, { denomination, serialNumber }: TwinCoin): Buffer {
  const text = `raida-vector-an:${raidaId}:${denomination}:${serialNumber}`;
  return createHash('sha256').update(text).digest().subarray(0, 16);
}

/** In use (MFS 30) in the first half of each page. */
export function vectorRecord(raidaId: number, coin: TwinCoin): TwinRecord {
  const mfs = coin.serialNumber % PAGE_RECORDS < PAGE_RECORDS / 2 ? 30 : 0;
  return { an: vectorAn(raidaId, coin), mfs };
}

/** All 25 ANs of a coin in the base state. */
export function vectorKeys(coin: TwinCoin): Uint8Array {
  return new Uint8Array(Buffer.concat(Array.from({ length: 25 }, (_, id) => vectorAn(id, coin))));
}
