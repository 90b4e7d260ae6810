/**
 * Where a peer may be reached directly, as it says in a session that goes through a relay: a frame
 * of type 0x2f, which whoever does not know it ignores. Reference: transfer, section 8 (candidates,
 * signalling through the relay, form of an address).
 *
 *   version 1 (1) · flags 1 (1: an answer, 3: ask me again) · round 2 · key of probes 32 ·
 *   count 1 · addresses
 *   address: kind 1 (1 host, 2 reflexive) · family 1 (4, 6) · port 2 · 4 or 16 bytes; big-endian
 *
 * Who was called says `ask me again` when its network has changed; one that does not know it takes
 * it for an answer of no round. The relay itself is the third kind: it is there already, and needs
 * no address.
 */
import { type FarEnd, readFarEnd, writeFarEnd } from '../far-end.ts';

export const CANDIDATES_FRAME = 0x2f;
/** Of one side: addresses of its interfaces, and as servers see it. */
export const CANDIDATES_MAX = 8;
export const PROBE_KEY_BYTES = 32;

const VERSION = 1;
const ANSWER = 1;
const AGAIN = 2;
const HEAD_BYTES = 5 + PROBE_KEY_BYTES;
const IPV4 = 4;
const IPV6 = 6;
const MAPPED_BYTES = 12;
const KINDS = ['host', 'reflexive'] as const;

/** Of an interface, or as a server beyond a NAT sees it. */
export type CandidateKind = (typeof KINDS)[number];

export interface Candidate {
  kind: CandidateKind;
  /** An address and a port (far-end.ts). */
  farEnd: Uint8Array;
}

export interface CandidateMessage {
  isAnswer: boolean;
  /** Whoever was called asks to be asked: an answer to nothing, whose round is 0. */
  isAgain?: boolean;
  /** From 1 on; an answer has that of its question. */
  round: number;
  /** Probes to whoever says it are sealed with it. */
  key: Uint8Array;
  candidates: readonly Candidate[];
}

/** @param message with CANDIDATES_MAX candidates at the most */
export function emitCandidates({
  isAnswer,
  isAgain = false,
  round,
  key,
  candidates,
}: CandidateMessage): Uint8Array<ArrayBuffer> {
  const places = candidates.map(({ kind, farEnd }) => {
    const { address, port } = readFarEnd(farEnd);
    const bytes = isMapped(address) ? address.subarray(MAPPED_BYTES) : address;
    const family = bytes.length === address.length ? IPV6 : IPV4;
    return [KINDS.indexOf(kind) + 1, family, port >> 8, port & 0xff, ...bytes];
  });
  const flags = (isAnswer ? ANSWER : 0) | (isAgain ? AGAIN : 0);
  const head = [VERSION, flags, round >> 8, round & 0xff, ...key];
  return Uint8Array.from([...head, places.length, ...places.flat()]);
}

/** Undefined: it is none, or of a version that is not known. All of it has to be well-formed. */
export function parseCandidates(bytes: Uint8Array): CandidateMessage | undefined {
  const count = bytes[HEAD_BYTES - 1] ?? 0;
  const [version, flags = 0] = bytes;
  if (bytes.length < HEAD_BYTES || version !== VERSION || count > CANDIDATES_MAX) return undefined;
  const candidates: Candidate[] = [];
  let at = HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    const kind = KINDS[(bytes[at] ?? 0) - 1];
    const family = bytes[at + 1];
    const length = family === IPV4 ? 4 : 16;
    const isWhole = at + 4 + length <= bytes.length;
    if (!kind || (family !== IPV4 && family !== IPV6) || !isWhole) return undefined;
    const address = new Uint8Array(16);
    if (family === IPV4) address.fill(0xff, 10, MAPPED_BYTES);
    address.set(bytes.subarray(at + 4, at + 4 + length), 16 - length);
    const port = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    candidates.push({ kind, farEnd: writeFarEnd({ address, port, handle: 0 }) });
    at += 4 + length;
  }
  if (at !== bytes.length) return undefined;
  const round = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const key = bytes.slice(4, 4 + PROBE_KEY_BYTES);
  const isAnswer = (flags & ANSWER) !== 0;
  const isAgain = isAnswer && (flags & AGAIN) !== 0 && round === 0;
  return { isAnswer, ...(isAgain && { isAgain }), round, key, candidates };
}

/**
 * May probes go there? To an address of one machine alone, which no multicast, broadcast, wildcard
 * or link-local address is (another machine's links are not ours); and to this machine's own only
 * where `loopback` says that peers are on it.
 */
export function mayProbe(farEnd: Uint8Array, loopback: boolean): boolean {
  const { address, port, handle } = readFarEnd(farEnd);
  if (port === 0 || handle !== 0) return false;
  if (isLoopback({ address })) return loopback;
  return isMapped(address) ? isIpv4Host(address.subarray(MAPPED_BYTES)) : isIpv6Host(address);
}

export function isLoopback({ address }: Pick<FarEnd, 'address'>): boolean {
  if (isMapped(address)) return address[MAPPED_BYTES] === 127;
  return address.subarray(0, 15).every((byte) => byte === 0) && address[15] === 1;
}

/** Not 0/8, 169.254/16, and from 224 on: multicast, reserved, broadcast. */
function isIpv4Host([first = 0, second = 0]: Uint8Array): boolean {
  return first !== 0 && first < 224 && !(first === 169 && second === 254);
}

/** Not ::/96 (the wildcard, and forms of IPv4 that are no more), fe80::/10 and ff00::/8. */
function isIpv6Host(address: Uint8Array): boolean {
  const [first = 0, second = 0] = address;
  const isLinkLocal = first === 0xfe && (second & 0xc0) === 0x80;
  return first !== 0xff && !isLinkLocal && address.subarray(0, MAPPED_BYTES).some(Boolean);
}

function isMapped(address: Uint8Array): boolean {
  return address[10] === 0xff && address[11] === 0xff && address.subarray(0, 10).every((b) => !b);
}
