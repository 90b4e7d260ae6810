/** Numbers of HTTP/3 and WebTransport on the wire, and the frames that we send. */
import { FIELD_SECTION_BYTES_MAX, SESSIONS_PER_CONNECTION_MAX } from './limits.ts';
import { encodeFieldSection, type Field } from './qpack.ts';
import { concatBytes, emitVarint } from './varint.ts';

/** RFC 9114 section 7.2; `WEBTRANSPORT_STREAM` starts a bidirectional stream and has no length. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  CANCEL_PUSH: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  GOAWAY: 0x7,
  MAX_PUSH_ID: 0xd,
  WEBTRANSPORT_STREAM: 0x41,
} as const;

/** Frame types of HTTP/2 that must not come (RFC 9114 section 7.2.8). */
export const HTTP2_FRAME_TYPES: ReadonlySet<number> = new Set([0x2, 0x6, 0x8, 0x9]);

/** First varint of a unidirectional stream (RFC 9114 section 6.2, RFC 9204 section 4.2). */
export const UniStreamType = {
  CONTROL: 0x0,
  PUSH: 0x1,
  QPACK_ENCODER: 0x2,
  QPACK_DECODER: 0x3,
  WEBTRANSPORT: 0x54,
} as const;

/** Capsules (draft-ietf-webtrans-http3 section 6). */
export const CapsuleType = {
  CLOSE_SESSION: 0x2843,
  DRAIN_SESSION: 0x78ae,
} as const;

export const Setting = {
  QPACK_MAX_TABLE_CAPACITY: 0x1,
  MAX_FIELD_SECTION_SIZE: 0x6,
  QPACK_BLOCKED_STREAMS: 0x7,
  /** RFC 9220: the server takes extended CONNECT. */
  ENABLE_CONNECT_PROTOCOL: 0x8,
  /** RFC 9297. */
  H3_DATAGRAM: 0x33,
  /** draft-ietf-webtrans-http3-02, which browsers send and want. */
  ENABLE_WEBTRANSPORT: 0x2b603742,
  /** From draft 07 on. */
  WEBTRANSPORT_MAX_SESSIONS: 0xc671706a,
} as const;

const OUR_SETTINGS: readonly (readonly [id: number, value: number])[] = [
  [Setting.QPACK_MAX_TABLE_CAPACITY, 0],
  [Setting.MAX_FIELD_SECTION_SIZE, FIELD_SECTION_BYTES_MAX],
  [Setting.QPACK_BLOCKED_STREAMS, 0],
  [Setting.ENABLE_CONNECT_PROTOCOL, 1],
  [Setting.H3_DATAGRAM, 1],
  [Setting.ENABLE_WEBTRANSPORT, 1],
  [Setting.WEBTRANSPORT_MAX_SESSIONS, SESSIONS_PER_CONNECTION_MAX],
];

/** Type, length, value: a frame or a capsule. */
export function emitTlv(type: number, value: Uint8Array): Uint8Array {
  return concatBytes(emitVarint(type), emitVarint(value.length), value);
}

/** What our control stream starts with: its type and SETTINGS. */
export function emitControlStart(): Uint8Array {
  const pairs = OUR_SETTINGS.flatMap(([id, value]) => [emitVarint(id), emitVarint(value)]);
  return concatBytes(
    emitVarint(UniStreamType.CONTROL),
    emitTlv(FrameType.SETTINGS, concatBytes(...pairs)),
  );
}

export function emitHeaders(fields: readonly Field[]): Uint8Array {
  return emitTlv(FrameType.HEADERS, encodeFieldSection(fields));
}

/** Requests from `streamId` on are not taken any more. */
export function emitGoaway(streamId: number): Uint8Array {
  return emitTlv(FrameType.GOAWAY, emitVarint(streamId));
}

/** A DATA frame with the close capsule: code (u32 BE) and reason (UTF-8). */
export function emitCloseSession(code: number, reason: Uint8Array): Uint8Array {
  const value = new Uint8Array(4 + reason.length);
  new DataView(value.buffer).setUint32(0, code);
  value.set(reason, 4);
  return emitTlv(FrameType.DATA, emitTlv(CapsuleType.CLOSE_SESSION, value));
}

/** A DATA frame with the capsule that asks the peer to end the session soon. */
export function emitDrainSession(): Uint8Array {
  return emitTlv(FrameType.DATA, emitTlv(CapsuleType.DRAIN_SESSION, new Uint8Array(0)));
}
