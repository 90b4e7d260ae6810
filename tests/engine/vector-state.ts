/**
 * The base state of tests/vectors/raida.json (its meta tells the formulas), and its cases of the
 * groups there are. Web-standard only.
 */
import type { Engine } from '@andvari/host-common/engine/engine';
import { PAGE_BYTES } from '@andvari/host-common/engine/generated/limits';
import vectors from '../vectors/raida.json' with { type: 'json' };

export interface VectorRequest {
  transport: string;
  request_hex: string;
}
export interface VectorCase extends VectorRequest {
  name: string;
  response_hex: string | null;
  volatile?: number[][];
  status?: number;
  peer_bug?: boolean;
  /** Our status where we do not copy the peer. */
  ours_status?: number;
  /** Set on requests that a server sends. */
  direction?: string;
  server_state: {
    base: string;
    setup?: VectorRequest[];
    setup_patch_from_second?: Patch[];
  };
  request_patch?: Patch[];
}
export interface Patch {
  from_setup: number;
  response_offset: number;
  length: number;
  request_offset: number;
}

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
export async function vectorAn(denomination: number, serialNumber: number): Promise<Uint8Array> {
  const text = new TextEncoder().encode(`raida-vector-an:14:${denomination}:${serialNumber}`);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', text)).subarray(0, 16);
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

/** 512 coins in use on each of 8 pages. */
export function setBaseCounts(engine: Engine): void {
  engine.setCounts(new Uint32Array(15).fill(512 * PAGES));
}

/** Groups 0, 1, 2 without 2/80 (fix), as far as one server alone can answer. */
export function casesHere(): VectorCase[] {
  const cases = vectors.cases as unknown as VectorCase[];
  return cases.filter((item) => {
    if (!item.request_hex || item.direction) return false;
    const header = fromHex(item.request_hex.slice(0, 34));
    const group = header[4] ?? 0;
    const status = item.status ?? 0;
    const refused = (status > 0 && status < 9) || status === 255;
    return (group <= 2 && header[5] !== 80) || (refused && !item.peer_bug && group !== 10);
  });
}

export interface SpecCase {
  name: string;
  request_hex: string;
  response_hex: string;
  response_nonce_hex_in_example: string;
}

export function specCases(): SpecCase[] {
  return vectors.spec_derived as unknown as SpecCase[];
}

/** The reply that is due; undefined: silence. */
export function expectedReply(item: VectorCase): Uint8Array | undefined {
  if (item.response_hex === null) return undefined;
  const reply = fromHex(item.response_hex);
  if (item.ours_status !== undefined) reply[2] = item.ours_status;
  // Section 11, point 2: the peer sends 74 of the 75 bytes, the last count of them damaged; it is
  // 0x00001000 as all.
  if (item.name === 'audit_udp') return wholeAudit(reply);
  return reply;
}

function wholeAudit(reply: Uint8Array): Uint8Array {
  const whole = new Uint8Array(reply.length + 1);
  whole.set(reply.subarray(0, -2));
  whole[11] = (reply[11] ?? 0) + 1;
  whole.set([0x06, 0x00, 0x00, 0x10, 0x00, 0x3e, 0x3e], reply.length - 6);
  return whole;
}

/** Masks what changes from run to run: the volatile ranges. */
export function masked(bytes: Uint8Array, volatile: number[][] = []): Uint8Array {
  const copy = bytes.slice();
  for (const [first = 0, last = 0] of volatile) copy.fill(0, first, last + 1);
  return copy;
}

/** Copies reply bytes of setup requests into a request. */
export function patched(request: Uint8Array, patches: Patch[], replies: Uint8Array[]): Uint8Array {
  const copy = request.slice();
  for (const patch of patches) {
    const reply = replies[patch.from_setup];
    if (!reply) throw new Error('vector: no such setup reply');
    copy.set(
      reply.subarray(patch.response_offset, patch.response_offset + patch.length),
      patch.request_offset,
    );
  }
  return copy;
}
