/**
 * The base state of tests/vectors/raida.json, as its meta tells it: coins, files, keys.
 * Web-standard only.
 */
import { Folder } from '@andvari/host-common/engine/generated/layout';
import { PAGE_BYTES, RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import { DerivedStore } from './derived-store.ts';
import { World } from './world.ts';

export const PAGES = 8;
export const IDENTITY = {
  raidaId: 14,
  coinId: 6,
  wire: 'legacy' as const,
  modern: true,
  version: '20250323',
  adminKey: fromHex('6de9439834c9147569741d3c9c9fc010'),
};

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** AN(raida, den, sn): first 16 bytes of SHA-256 of "raida-vector-an:<raida>:<den>:<sn>". */
export async function vectorAn(
  denomination: number,
  serialNumber: number,
  raidaId = IDENTITY.raidaId,
): Promise<Uint8Array> {
  const bytes = text(`raida-vector-an:${raidaId}:${denomination}:${serialNumber}`);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).subarray(0, 16);
}

/** All pages of the base state, keyed "den/page". 120 pages of 1024 digests: made once. */
let made: Promise<Map<string, Uint8Array>> | undefined;
export function basePages(): Promise<Map<string, Uint8Array>> {
  made ??= makePages();
  return made;
}

async function makePages(): Promise<Map<string, Uint8Array>> {
  const pages = new Map<string, Uint8Array>();
  for (let denomination = -8; denomination <= 6; denomination++) {
    for (let page = 0; page < PAGES; page++) {
      const bytes = new Uint8Array(PAGE_BYTES);
      const ans = await Promise.all(
        Array.from({ length: 1024 }, (_, i) => vectorAn(denomination, page * 1024 + i)),
      );
      ans.forEach((an, i) => {
        bytes.set(an, i * 17);
        bytes[i * 17 + 16] = i < 512 ? 30 : 0;
      });
      pages.set(`${denomination}/${page}`, bytes);
    }
  }
  return pages;
}

/** A store with the base state, as a server that starts anew has it. */
export async function baseStore(): Promise<DerivedStore> {
  const pages = await basePages();
  return new DerivedStore((denomination, page) => pages.get(`${denomination}/${page}`), PAGES);
}

const text = (of: string) => new TextEncoder().encode(of);

/** Files of the base state, by folder and name; Keys and Trades are empty. */
export async function baseFiles(): Promise<[folder: number, name: string, bytes: Uint8Array][]> {
  return [
    [Folder.FOLDERS, 'hello.txt', text('hello raida')],
    [Folder.ZONES, 'a.test.zone', text('# zone\nA 10.1.2.3 xx\nSRV 10.9.8.7:50001\n')],
    [Folder.COINS, '00.2100.bin', await coinFile(0, 2100)],
    [Folder.COINS, '01.77.bin', await coinFile(1, 77)],
  ];
}

/** 440 bytes: 40 of header (coin id at 2), then the ANs of all 25 servers. */
async function coinFile(denomination: number, serialNumber: number): Promise<Uint8Array> {
  const file = new Uint8Array(40 + RAIDA_COUNT * 16);
  file[3] = IDENTITY.coinId;
  for (let raidaId = 0; raidaId < RAIDA_COUNT; raidaId++) {
    file.set(await vectorAn(denomination, serialNumber, raidaId), 40 + raidaId * 16);
  }
  return file;
}

/** The world of the base state: its files, 25 servers that do not answer, no proxy. */
export async function baseWorld(): Promise<World> {
  const world = new World();
  for (const [folder, name, bytes] of await baseFiles()) world.put(folder, name, bytes);
  world.servers = () => undefined;
  return world;
}
