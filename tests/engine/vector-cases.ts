/**
 * The cases of tests/vectors/raida.json, and what is due to each of them: the recorded reply, or
 * ours with the reason why it is another. Web-standard only.
 */
import vectors from '../vectors/raida.json' with { type: 'json' };
import { fromHex } from './vector-state.ts';

export interface VectorRequest {
  transport: string;
  request_hex: string;
}
export interface Patch {
  from_setup: number;
  response_offset: number;
  length: number;
  request_offset: number;
}
export interface VectorCase extends VectorRequest {
  name: string;
  response_hex: string | null;
  volatile?: number[][];
  status?: number;
  peer_bug?: boolean;
  peer_differs_from_spec?: boolean;
  /** Our status where we do not copy the peer. */
  ours_status?: number;
  /** Set on requests that a server sends. */
  direction?: string;
  /** Where the tickets of other nodes go. */
  ticket_patch?: string;
  server_state: {
    base: string;
    setup?: VectorRequest[];
    setup_patch_from_second?: Patch[];
    /** By RAIDA number; for cases with a ticket_patch. */
    ticket_requests?: Record<string, string>;
    ticket_for_raida_3?: string;
    after?: {
      new_an_on_node_14_if_fixed: Record<string, string>;
      detect_with_new_an_status: number;
    };
  };
  request_patch?: Patch[];
}

export interface SpecCase {
  name: string;
  request_hex: string;
  response_hex: string;
  response_nonce_hex_in_example: string;
}

export const allCases = () => vectors.cases as unknown as VectorCase[];
export const specCases = () => vectors.spec_derived as unknown as SpecCase[];

/** Cases that one server alone can answer. */
export function casesHere(): VectorCase[] {
  return allCases().filter(({ direction, ticket_patch }) => !direction && !ticket_patch);
}

/** Cases of fix, for which 24 others make tickets. */
export function fixCases(): VectorCase[] {
  return allCases().filter(({ ticket_patch }) => ticket_patch !== undefined);
}

/** A case by its name. */
export function caseNamed(name: string): VectorCase {
  const found = allCases().find((item) => item.name === name);
  if (!found) throw new Error(`no vector is named ${name}`);
  return found;
}

/** Our answer where it is not the recorded one. */
interface Departure {
  why: string;
  reply(recorded: Uint8Array): Uint8Array;
  /** Further bytes that change from run to run. */
  volatile?: number[][];
}

const HEADER_BYTES = 32;
const TRAILER = [0x3e, 0x3e];

/** The recorded reply's header with another status and another body. */
function replyWith(recorded: Uint8Array, status: number, payload: Uint8Array): Uint8Array {
  const size = payload.length ? payload.length + 2 : 0;
  const reply = new Uint8Array(HEADER_BYTES + size);
  reply.set(recorded.subarray(0, HEADER_BYTES));
  reply[2] = status;
  reply.set([size >>> 16, (size >>> 8) & 0xff, size & 0xff], 9);
  reply.set(payload, HEADER_BYTES);
  if (size) reply.set(TRAILER, HEADER_BYTES + payload.length);
  return reply;
}

const bare = (status: number) => (recorded: Uint8Array) =>
  replyWith(recorded, status, new Uint8Array(0));

/** 15 x (denomination, u32 count), 512 coins in use on each of 8 pages. */
function wholeAudit(): Uint8Array {
  const payload = new Uint8Array(75);
  for (let index = 0; index < 15; index++) payload.set([index - 8, 0, 0, 0x10, 0], index * 5);
  return payload;
}

/** Denomination 0 and the 64 free serial numbers from 512 on. */
function freeOfPageZero(): Uint8Array {
  const payload = new Uint8Array(1 + 64 * 4);
  const view = new DataView(payload.buffer);
  for (let i = 0; i < 64; i++) view.setUint32(1 + 4 * i, 512 + i);
  return payload;
}

export const DEPARTURES: Readonly<Record<string, Departure>> = {
  audit_udp: {
    why: 'section 11, point 2: 75 bytes, none of them cut off',
    reply: (recorded) => replyWith(recorded, 250, wholeAudit()),
  },
  encrypt_key_23_spec_size: {
    why: 'section 10, point 16: 23 bytes are the specified form: status 0 and key XOR AN, random',
    reply: (recorded) => replyWith(recorded, 0, new Uint8Array(16)),
    volatile: [[32, 47]],
  },
  break_session0: {
    why: 'section 11, point 11: session 0 reserves nothing',
    reply: bare(41),
  },
  join_session0: {
    why: 'section 11, point 11: session 0 reserves nothing',
    reply: bare(41),
  },
  join_then_detect: {
    why: 'section 11, point 11: the join before it is refused, so the coin was never made',
    reply: bare(242),
  },
  change_available_after_pown: {
    why: 'section 11, point 7: a coin that was powned is in use and not offered',
    reply: (recorded) => replyWith(recorded, 250, freeOfPageZero()),
  },
  shard_pickup_then_detect: {
    why: 'section 11, point 12: the pickup before it is refused with 41',
    reply: bare(242),
  },
  fs_put_size_bug: {
    why: 'section 11, point 17: the size of section 9 is right and the object is written',
    reply: bare(250),
  },
  fs_put_peer_size: {
    why: 'section 11, point 17: a size that is 16 too large is wrong',
    reply: bare(16),
  },
  integrity_page_data: {
    why: 'section 11, point 13: there is no such command: it would show every AN to anyone',
    reply: (recorded) => refusedHeader(recorded, 6),
  },
};

/** A header that is refused is answered without its group, echo and challenge, as the peer does. */
function refusedHeader(recorded: Uint8Array, status: number): Uint8Array {
  const reply = bare(status)(recorded);
  reply.fill(0, 3, 4);
  reply.fill(0, 6, 8);
  reply.fill(0, 16, HEADER_BYTES);
  return reply;
}

/** Cases that record a defect or a difference which does not show in their own reply. */
export const SAME_REPLY: Readonly<Record<string, string>> = {
  exec_create_reserved: 'section 11, point 16: the old ANs are told alike; the new ones differ',
  encrypt_key_31: 'section 10, point 16: 31 bytes are taken as the public server takes them',
};

/** The reply that is due; undefined: silence. */
export function expectedReply(item: VectorCase): Uint8Array | undefined {
  if (!item.response_hex) return undefined;
  const recorded = fromHex(item.response_hex);
  return DEPARTURES[item.name]?.reply(recorded) ?? recorded;
}

/** Masks what changes from run to run. */
export function maskedFor(item: VectorCase, bytes: Uint8Array): Uint8Array {
  return masked(bytes, [...(item.volatile ?? []), ...(DEPARTURES[item.name]?.volatile ?? [])]);
}

export function masked(bytes: Uint8Array, volatile: number[][]): Uint8Array {
  const copy = Uint8Array.from(bytes);
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

/**
 * Sends the setup requests of a case and then its own, patched as the case says; gives the last
 * reply. Undefined: silence.
 */
export async function replayWith(
  item: VectorCase,
  ask: (request: Uint8Array, transport: string) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  const replies: Uint8Array[] = [];
  for (const [index, setup] of (item.server_state.setup ?? []).entries()) {
    const patches = index > 0 ? (item.server_state.setup_patch_from_second ?? []) : [];
    const request = patched(fromHex(setup.request_hex), patches, replies);
    replies.push((await ask(request, setup.transport)) ?? new Uint8Array(0));
  }
  const request = patched(fromHex(item.request_hex), item.request_patch ?? [], replies);
  return ask(request, item.transport);
}
