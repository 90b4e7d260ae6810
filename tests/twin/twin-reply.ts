/** Replies, both ways: reference RAIDA sections 3 and 4. */
import { Status } from '../../host-common/src/engine/generated/status.ts';
import {
  ctr,
  HMAC_BYTES,
  hmac,
  replyCounter,
  TRAILER,
  type TwinSent,
  type TwinWire,
} from './twin-wire.ts';

export interface TwinAnswer {
  wire: TwinWire;
  raidaId: number;
  status: number;
  payload: Buffer;
  /** The request's header. */
  header: Buffer;
  /** Empty: the reply is not encrypted. */
  key: Buffer;
  challengeHash: Buffer;
  executionUs: number;
  /** Legacy errors of the first header checks answer without the request's group and echo. */
  anonymous: boolean;
  random(count: number): Buffer;
}

/** 48-byte reply header and its body. A type 5 reply names the second coin where a nonce begins. */
function buildWide(answer: TwinAnswer): Buffer {
  const { header, payload, key } = answer;
  const reply = Buffer.alloc(48);
  reply[0] = answer.raidaId;
  reply[2] = answer.status;
  reply[3] = header.readUInt8(4);
  reply.writeUInt32BE(answer.executionUs, 4);
  reply.set(header.subarray(16, 17), 16);
  reply.set(header.subarray(19, 24), 17);
  reply.set(answer.random(22), 24);
  if (header[16] === 5) reply.set(header.subarray(24, 29), 24);
  reply.set(header.subarray(46, 48), 46);
  if (payload.length === 0) return reply;
  const sealed = ctr(key, replyCounter(answer.wire, header, reply), payload);
  const body = Buffer.concat([sealed, hmac(key, sealed), TRAILER]);
  reply.writeUIntBE(body.length, 9, 3);
  return Buffer.concat([reply, body]);
}

/** Builds the reply to a request whose header was read. */
export function buildReply(answer: TwinAnswer): Buffer {
  if (answer.header.length === 48) return buildWide(answer);
  const { wire, payload } = answer;
  const reply = Buffer.alloc(32);
  reply[0] = answer.raidaId;
  reply[2] = answer.status;
  reply[5] = 1;
  if (!answer.anonymous) {
    reply[3] = answer.header.readUInt8(4);
    reply.set(answer.header.subarray(30, 32), 6);
  }
  reply.writeUInt32BE(answer.executionUs, 12);
  if (wire === 'spec') reply.set(answer.random(12), 16);
  else reply.set(answer.challengeHash, 16);
  const size = payload.length === 0 && wire === 'legacy' ? 0 : payload.length + TRAILER.length;
  reply.writeUIntBE(size, 9, 3);
  if (size === 0) return reply;
  const body =
    answer.key.length > 0
      ? ctr(answer.key, replyCounter(wire, answer.header, reply), payload)
      : payload;
  return Buffer.concat([reply, body, TRAILER]);
}

/** A reply that does not belong to its request; `status` is the engine's number for the reason. */
export class TwinReplyError extends Error {
  readonly code = 'ANDVARI_REPLY';
  readonly status: number;

  constructor(status: number, problem: string) {
    super(problem);
    this.status = status;
  }
}

function refuse(status: number, problem: string): never {
  throw new TwinReplyError(status, problem);
}

export interface TwinReply {
  status: number;
  payload: Buffer;
  executionUs: number;
}

/** Statuses that a legacy server gives before it has read group and echo. */
const anonymousStatuses: readonly number[] = [
  Status.INVALID_ROUTING,
  Status.INVALID_SPLIT_ID,
  Status.INVALID_RAIDA_ID,
  Status.INVALID_SHARD_ID,
  Status.INVALID_COMMAND_GROUP,
  Status.INVALID_COMMAND,
  Status.INVALID_COIN_ID,
];

/** Statuses given before the challenge was read: bytes 16-31 of a legacy reply are then zero. */
const beforeChallenge: readonly number[] = [
  ...anonymousStatuses,
  Status.INVALID_PACKET_LENGTH,
  Status.INVALID_EOF,
  Status.INVALID_ENCRYPTION,
];

function checkNarrow(wire: TwinWire, sent: TwinSent, reply: Buffer): void {
  const status = reply.readUInt8(2);
  const anonymous = wire === 'legacy' && anonymousStatuses.includes(status);
  const named = reply[3] === sent.header[4];
  const echoed = reply.subarray(6, 8).equals(sent.header.subarray(30, 32));
  const nameless = reply[3] === 0 && reply.readUInt16BE(6) === 0;
  if (!(named && echoed) && !(anonymous && nameless)) {
    refuse(Status.REPLY_ECHO, 'group or echo of another request');
  }
  if (wire === 'spec') return;
  const hash = reply.subarray(16, 32);
  const zero = hash.equals(Buffer.alloc(16));
  if (zero && (sent.challenge.length === 0 || beforeChallenge.includes(status))) return;
  // 37 comes back with what the server took for the challenge, right or wrong.
  if (status === Status.INVALID_CRC && sent.challenge.length > 0) return;
  const { challenge, key } = sent;
  const wanted = Buffer.from(challenge.map((byte, index) => byte ^ (key[index] ?? 0)));
  if (!hash.equals(wanted)) refuse(Status.REPLY_CHALLENGE, 'challenge of another request');
}

function openBody(wire: TwinWire, sent: TwinSent, header: Buffer, body: Buffer): Buffer {
  if (body.length === 0) return body;
  if (body.length < 2) refuse(Status.REPLY_SIZE, 'a body of one byte');
  if (!body.subarray(-2).equals(TRAILER)) refuse(Status.REPLY_TRAILER, 'no trailer');
  const received = body.subarray(0, -2);
  if (sent.type === 0 || received.length === 0) return Buffer.from(received);
  const counter = replyCounter(wire, sent.header, header);
  if (sent.type >= 4) {
    if (received.length < HMAC_BYTES) refuse(Status.REPLY_SIZE, 'no room for an HMAC');
    const sealed = received.subarray(0, -HMAC_BYTES);
    if (!hmac(sent.key, sealed).equals(received.subarray(-HMAC_BYTES))) {
      refuse(Status.REPLY_HMAC, 'the HMAC does not hold');
    }
    return ctr(sent.key, counter, sealed);
  }
  if (wire === 'spec') {
    const nonce = header.subarray(16, 28);
    if (nonce.equals(Buffer.alloc(12)) || nonce.equals(sent.header.subarray(20, 32))) {
      refuse(Status.REPLY_NONCE, 'no fresh nonce');
    }
  }
  return ctr(sent.key, counter, received);
}

/** Checks and decrypts the reply to `sent`. Throws TwinReplyError. */
export function parseReply(
  wire: TwinWire,
  raidaId: number,
  sent: TwinSent,
  message: Uint8Array,
): TwinReply {
  const reply = Buffer.from(message);
  const wide = sent.header.length === 48;
  const headerBytes = wide ? 48 : 32;
  if (reply.length < headerBytes) refuse(Status.REPLY_SIZE, 'shorter than its header');
  if (reply.readUIntBE(9, 3) !== reply.length - headerBytes) {
    refuse(Status.REPLY_SIZE, 'size field and length differ');
  }
  if (reply[0] !== raidaId) refuse(Status.REPLY_RAIDA, 'from another RAIDA');
  if (wide) {
    const echoed = reply.subarray(46, 48).equals(sent.header.subarray(46, 48));
    const named = reply[3] === sent.header[4];
    if (!echoed || !named) refuse(Status.REPLY_ECHO, 'group or echo of another request');
  } else {
    checkNarrow(wire, sent, reply);
  }
  const header = reply.subarray(0, headerBytes);
  return {
    status: reply.readUInt8(2),
    payload: openBody(wire, sent, header, reply.subarray(headerBytes)),
    executionUs: reply.readUInt32BE(wide ? 4 : 12),
  };
}
