/** Coins and requests that the benches share. */
import type { Encryption, RaidaRequest } from '@andvari/host-common/raida/codec';

/** Pages per denomination in every bench. */
export const PAGES = 16;

/** A coin's AN in a bench: cheap to make, different for each. */
export function anOf(denomination: number, serialNumber: number): Uint8Array {
  const an = new Uint8Array(16);
  new DataView(an.buffer).setUint32(0, serialNumber, true);
  an[4] = denomination + 8;
  an[5] = 7;
  return an;
}

/** A coin in a list: denomination, serial number, ANs. */
export function coin(denomination: number, serialNumber: number, ...ans: Uint8Array[]): number[] {
  const bytes = new Uint8Array(5);
  new DataView(bytes.buffer).setInt8(0, denomination);
  new DataView(bytes.buffer).setUint32(1, serialNumber);
  return [...bytes, ...ans.flatMap((an) => [...an])];
}

/**
 * Encryption under a coin of its own for each request, as 64 strangers have: the engine keeps a key
 * schedule for requests in a row under one key, which would flatter.
 */
export function aes(i: number): Encryption {
  return { type: 1, denomination: 1, serialNumber: i, key: anOf(1, i) };
}

/** A request of group 1. */
export function auth(command: number, payload: number[], encryption?: Encryption): RaidaRequest {
  const request = { raidaId: 0, group: 1, command, payload: Uint8Array.from(payload) };
  return encryption ? { ...request, encryption } : request;
}

const OTHER = new Uint8Array(16).fill(9);
/** A pown of coin (0, i) to another AN, and the one back. */
export const there = (i: number) => coin(0, i, anOf(0, i), OTHER);
export const back = (i: number) => coin(0, i, OTHER, anOf(0, i));
