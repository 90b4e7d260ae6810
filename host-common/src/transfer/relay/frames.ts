/**
 * Frames between a relay and its clients (reference: transfer, section 8). Over a WebSocket a
 * binary message is one frame; in a stream of bytes they lie behind each other (frame-reader.ts).
 *
 *   offset  size  field
 *   0       1     version, 1
 *   1       1     command
 *   2       32    key of the peer that it is for, from, or about; zero where it is about none
 *   34      2     length of the payload, big-endian
 *   36      n     payload
 *
 *   command       key          payload
 *   1 SEND        to whom      hops 1 · outer packet
 *   2 RECV        from whom    hops 1 · outer packet
 *   3 SUBSCRIBE   zero         challenge 32: the relay asks who is there
 *                 the client   signature 64: the client answers
 *                 the client   nothing: the relay has taken the answer
 *   4 KEEPALIVE   zero         nothing, and no answer
 *   5 PEER_GONE   who          nothing: this peer, which had sent to the client, has left
 *   6 PING        zero         8 bytes, which come back in
 *   7 PONG        zero         8 bytes
 *   8 NOT_HERE    who          nothing: what was sent to this peer had nobody to go to
 *
 * Hops: relays that have passed the packet on, 3 at most; 0 from the client that sends it.
 */
import { checkBytes, checkWhole } from '../argument-checks.ts';

export const RELAY_VERSION = 1;
export const RELAY_KEY_BYTES = 32;
export const RELAY_HEAD_BYTES = 36;
/** Of a frame, head and payload. */
export const RELAY_FRAME_BYTES_MAX = 65_536;
export const RELAY_HOPS_MAX = 3;
export const RELAY_CHALLENGE_BYTES = 32;
export const RELAY_SIGNATURE_BYTES = 64;
/** Head and hops: what a packet costs besides itself. */
export const RELAY_PACKET_OVERHEAD = RELAY_HEAD_BYTES + 1;
/** Of a packet, which begins with a connection ID. */
const PACKET_BYTES_MIN = 8;
export const RELAY_PACKET_BYTES_MAX = RELAY_FRAME_BYTES_MAX - RELAY_PACKET_OVERHEAD;
const PING_BYTES = 8;

export const RelayCommand = {
  SEND: 1,
  RECV: 2,
  SUBSCRIBE: 3,
  KEEPALIVE: 4,
  PEER_GONE: 5,
  PING: 6,
  PONG: 7,
  NOT_HERE: 8,
} as const;
export type RelayCommand = (typeof RelayCommand)[keyof typeof RelayCommand];

export interface RelayFrame {
  command: RelayCommand;
  /** 32 bytes. */
  key: Uint8Array;
  payload: Uint8Array;
}

/** The bytes are no frame of a relay. */
export class RelayFrameError extends Error {
  override readonly name = 'RelayFrameError';
  readonly code = 'ANDVARI_RELAY_FRAME';
}

const Offset = { VERSION: 0, COMMAND: 1, KEY: 2, LENGTH: 34 } as const;
const NO_KEY = new Uint8Array(RELAY_KEY_BYTES);
const NOTHING = new Uint8Array(0);

/** What there may be behind the head. */
interface Shape {
  /** Whether there is a peer that it is about; undefined: the length says which. */
  hasKey: boolean | undefined;
  lengths: readonly number[];
  /** Or all lengths between the first and the second. */
  isRange?: boolean;
}

const packet: Shape = {
  hasKey: true,
  lengths: [1 + PACKET_BYTES_MIN, 1 + RELAY_PACKET_BYTES_MAX],
  isRange: true,
};
const shapes = new Map<number, Shape>([
  [RelayCommand.SEND, packet],
  [RelayCommand.RECV, packet],
  [
    RelayCommand.SUBSCRIBE,
    { hasKey: undefined, lengths: [RELAY_CHALLENGE_BYTES, RELAY_SIGNATURE_BYTES, 0] },
  ],
  [RelayCommand.KEEPALIVE, { hasKey: false, lengths: [0] }],
  [RelayCommand.PEER_GONE, { hasKey: true, lengths: [0] }],
  [RelayCommand.PING, { hasKey: false, lengths: [PING_BYTES] }],
  [RelayCommand.PONG, { hasKey: false, lengths: [PING_BYTES] }],
  [RelayCommand.NOT_HERE, { hasKey: true, lengths: [0] }],
]);

/**
 * One whole frame and nothing behind it; key and payload are views of the message.
 * @throws RelayFrameError
 */
export function parseRelayFrame(message: Uint8Array): RelayFrame {
  const payloadBytes = checkRelayHead(message);
  if (payloadBytes === undefined) throw wrong(`wanted ${RELAY_HEAD_BYTES} bytes and more`, message);
  if (message.length !== RELAY_HEAD_BYTES + payloadBytes) {
    throw wrong(`wanted ${RELAY_HEAD_BYTES + payloadBytes} bytes`, message);
  }
  return relayFrameIn(message);
}

/**
 * Looks at as much of a head as there is.
 * @returns bytes of the payload; undefined: the head is not whole yet
 * @throws RelayFrameError: there is none that begins in this way
 */
export function checkRelayHead(bytes: Uint8Array): number | undefined {
  const [version, command = 0] = bytes;
  if (version !== undefined && version !== RELAY_VERSION) {
    throw new RelayFrameError(`wanted version ${RELAY_VERSION} of the relay's frames`);
  }
  const shape = shapes.get(command);
  if (bytes.length > Offset.COMMAND && !shape) {
    throw new RelayFrameError(`a relay has no command ${command}`);
  }
  if (bytes.length < RELAY_HEAD_BYTES || !shape) return undefined;
  const length = ((bytes[Offset.LENGTH] ?? 0) << 8) | (bytes[Offset.LENGTH + 1] ?? 0);
  const key = bytes.subarray(Offset.KEY, Offset.KEY + RELAY_KEY_BYTES);
  checkShape(command, shape, { length, hasKey: key.some((byte) => byte !== 0) });
  return length;
}

function checkShape(
  command: number,
  { hasKey, lengths, isRange = false }: Shape,
  given: { length: number; hasKey: boolean },
): void {
  const [least = 0, most = 0] = lengths;
  const { length } = given;
  const fits = isRange ? length >= least && length <= most : lengths.includes(length);
  if (!fits) throw new RelayFrameError(`command ${command} with ${length} bytes of payload`);
  // The relay's question is about nobody, both its answers about the one who gives them.
  const wantsKey = hasKey ?? length !== RELAY_CHALLENGE_BYTES;
  if (wantsKey !== given.hasKey) {
    throw new RelayFrameError(`command ${command} ${wantsKey ? 'without a key' : 'with a key'}`);
  }
}

/**
 * The frame whose head and length were looked at.
 * @throws RelayFrameError: too many hops
 */
export function relayFrameIn(bytes: Uint8Array): RelayFrame {
  const command = bytes[Offset.COMMAND] as RelayCommand;
  const payload = bytes.subarray(RELAY_HEAD_BYTES);
  const isPacket = command === RelayCommand.SEND || command === RelayCommand.RECV;
  if (isPacket && (payload[0] ?? 0) > RELAY_HOPS_MAX) {
    throw new RelayFrameError(`a packet with more than ${RELAY_HOPS_MAX} hops`);
  }
  return { command, key: bytes.subarray(Offset.KEY, Offset.LENGTH), payload };
}

/**
 * The bytes of a frame without a packet.
 * @throws TypeError, RangeError: a command has no such key or payload
 */
export function emitRelayFrame(
  command: RelayCommand,
  key: Uint8Array = NO_KEY,
  payload: Uint8Array = NOTHING,
): Uint8Array<ArrayBuffer> {
  checkBytes('key', key, RELAY_KEY_BYTES);
  checkBytes('payload', payload);
  if (payload.length > RELAY_FRAME_BYTES_MAX - RELAY_HEAD_BYTES) {
    throw new RangeError(`payload: wanted one that fits a frame, got ${payload.length} bytes`);
  }
  const bytes = withHead(command, key, payload.length);
  bytes.set(payload, RELAY_HEAD_BYTES);
  try {
    checkRelayHead(bytes);
    relayFrameIn(bytes);
  } catch (error) {
    throw new RangeError((error as Error).message, { cause: error });
  }
  return bytes;
}

/** A packet on its way: to whom and from whom are the key's to say. */
export interface RelayPacket {
  key: Uint8Array;
  /** 0 to 3. */
  hops: number;
  packet: Uint8Array;
}

/**
 * SEND or RECV.
 * @throws TypeError, RangeError
 */
export function emitRelayPacket(
  command: typeof RelayCommand.SEND | typeof RelayCommand.RECV,
  { key, hops, packet }: RelayPacket,
): Uint8Array<ArrayBuffer> {
  checkBytes('key', key, RELAY_KEY_BYTES);
  checkWhole('hops', hops, 0, RELAY_HOPS_MAX);
  checkBytes('packet', packet);
  checkWhole('packet.length', packet.length, PACKET_BYTES_MIN, RELAY_PACKET_BYTES_MAX);
  const bytes = withHead(command, key, 1 + packet.length);
  bytes[RELAY_HEAD_BYTES] = hops;
  bytes.set(packet, RELAY_PACKET_OVERHEAD);
  return bytes;
}

/** What a SEND or a RECV carries; views of it. */
export function relayPacketOf({ key, payload }: RelayFrame): RelayPacket {
  return { key, hops: payload[0] ?? 0, packet: payload.subarray(1) };
}

function withHead(command: number, key: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RELAY_HEAD_BYTES + length);
  bytes[Offset.VERSION] = RELAY_VERSION;
  bytes[Offset.COMMAND] = command;
  bytes.set(key, Offset.KEY);
  bytes[Offset.LENGTH] = length >> 8;
  bytes[Offset.LENGTH + 1] = length & 255;
  return bytes;
}

function wrong(wanted: string, { length }: Uint8Array): RelayFrameError {
  return new RelayFrameError(`a frame of a relay: ${wanted}, got ${length}`);
}
