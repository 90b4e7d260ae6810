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

/** Coins of a long list. */
export const MANY = 400;
/** Coins (0, 0 ...) with their ANs. */
export const many = () => Array.from({ length: MANY }, (_, i) => coin(0, i, anOf(0, i))).flat();

/** The key of locker `i`. */
const lockerKey = (i: number) => {
  const key = anOf(3, i);
  key.fill(0xff, 12);
  return [...key];
};
/** Of coin (0, i) in locker `i`: putting it there, looking, taking it out with its old AN. */
export const lock = (i: number) => locker(82, [...coin(0, i), ...anOf(0, i), ...lockerKey(i)]);
export const peek = (i: number) => locker(83, lockerKey(i));
export const unlock = (i: number) => locker(84, [...lockerKey(i), ...coin(0, i, anOf(0, i))]);

function locker(command: number, payload: number[]): RaidaRequest {
  return { raidaId: 0, group: 8, command, payload: Uint8Array.from(payload) };
}
