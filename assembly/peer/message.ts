/** The exports' side of peer messages: checks in their order, and encoding within the bounds. */
import {
  ED25519_SIGNATURE_BYTES,
  PEER_AGE_MS_MAX,
  PEER_AHEAD_MS_MAX,
  PEER_BROADCAST_BYTES_MAX,
  PEER_CHALLENGE_BYTES,
  PEER_ID_BYTES,
  PEER_KEY_BYTES,
  PEER_PROTOCOL_BYTES_MAX,
  PEER_REQUEST_BYTES_MAX,
  PEER_RESPONSE_BYTES_MAX,
} from "../core/limits";
import { PEER } from "../core/memory";
import { PeerBlock, PeerField, PeerKind, PeerVerdict, PeerWire } from "../core/peer";
import { sha256 } from "../crypto/sha256";
import { bytesOf, lengthOf, numberOf, sameBytes, setOutLength } from "./block";
import { decode } from "./decode";
import { encode } from "./encode";
import { decodeInner, encodeInner } from "./inner";
import { checkHandshakeFields, checkSchema, isMessage, isPeerId } from "./schema";
import { writeSigningBytes } from "./signing";

/** The suffix /hs3 of a protocol id of wire 3. */
const SUFFIX_BYTES: u32 = 4;

function mostOf(kind: PeerKind): u32 {
  if (kind == PeerKind.RESPONSE) return PEER_RESPONSE_BYTES_MAX;
  return kind == PeerKind.BROADCAST ? PEER_BROADCAST_BYTES_MAX : PEER_REQUEST_BYTES_MAX;
}

/** Reads the message of `length` bytes at IN: size, decode, schema. Verdicts: OK, 1 to 36. */
export function openMessage(kind: PeerKind, wire: PeerWire, length: u32): PeerVerdict {
  if (length > mostOf(kind)) return PeerVerdict.MESSAGE_TOO_LARGE;
  const isInner = kind > PeerKind.RESPONSE,
    decoded = isInner ? decodeInner(length) : decode(kind, wire, length);
  return decoded == PeerVerdict.OK ? checkSchema(kind, wire) : decoded;
}

/**
 * Encodes the message that the block describes. Verdicts: OK, MESSAGE_TOO_LARGE, VARIANT, those of
 * the schema.
 */
export function encodeMessage(kind: PeerKind, wire: PeerWire): PeerVerdict {
  setOutLength(0);
  if (!isMessage(kind, wire)) return PeerVerdict.VARIANT;
  const fits = checkSchema(kind, wire);
  if (fits != PeerVerdict.OK) return fits;
  const most = mostOf(kind);
  return kind > PeerKind.RESPONSE ? encodeInner(most) : encode(kind, wire, most);
}

/**
 * The bytes that a handshake is signed over, to OUT. Verdicts: OK, PEER_ID, CHALLENGE_LENGTH,
 * FIELD_TOO_LONG.
 */
export function makeSigningBytes(wire: PeerWire): PeerVerdict {
  setOutLength(0);
  if (!isPeerId(PeerField.RECIPIENT)) return PeerVerdict.PEER_ID;
  if (wire != PeerWire.BARE && !isPeerId(PeerField.SENDER)) return PeerVerdict.PEER_ID;
  if (wire == PeerWire.CHALLENGE) {
    const whole =
      lengthOf(PeerField.CHALLENGE) == PEER_CHALLENGE_BYTES &&
      lengthOf(PeerField.ANSWER_CHALLENGE) == PEER_CHALLENGE_BYTES;
    if (!whole) return PeerVerdict.CHALLENGE_LENGTH;
    if (lengthOf(PeerField.PROTOCOL) > PEER_PROTOCOL_BYTES_MAX + SUFFIX_BYTES) {
      return PeerVerdict.FIELD_TOO_LONG;
    }
  }
  writeSigningBytes(wire);
  return PeerVerdict.OK;
}

/**
 * All that is checked of a handshake before its signature is: its fields, that the sender is the
 * peer of the CONNECTION (wire 1: that the key is this peer's own), that it is fresh at `now`
 * (milliseconds). Then the bytes it must be signed over are at OUT, and DIGEST is set. Verdicts:
 * OK, 32 to 67.
 */
export function checkHandshake(wire: PeerWire, now: u64): PeerVerdict {
  setOutLength(0);
  const fits = checkHandshakeFields(wire);
  if (fits != PeerVerdict.OK) return fits;
  if (!isPeerId(PeerField.CONNECTION)) return PeerVerdict.PEER_ID;
  const whose = wire == PeerWire.BARE ? checkIdentityKey() : checkSender(now);
  if (whose != PeerVerdict.OK) return whose;
  sha256(bytesOf(PeerField.SIGNATURE), ED25519_SIGNATURE_BYTES, PEER + PeerBlock.DIGEST);
  return makeSigningBytes(wire);
}

function checkIdentityKey(): PeerVerdict {
  const own = bytesOf(PeerField.CONNECTION) + PEER_ID_BYTES - PEER_KEY_BYTES;
  const same = memory.compare(own, bytesOf(PeerField.KEY), PEER_KEY_BYTES) == 0;
  return same ? PeerVerdict.OK : PeerVerdict.KEY_NOT_IDENTITY;
}

function checkSender(now: u64): PeerVerdict {
  if (!sameBytes(PeerField.SENDER, PeerField.CONNECTION)) return PeerVerdict.SENDER;
  const timestamp = numberOf(PeerField.TIMESTAMP);
  // The remote value is only compared: adding to it could overflow.
  if (numberOf(PeerField.TIMESTAMP_HIGH) || timestamp > now + PEER_AHEAD_MS_MAX) {
    return PeerVerdict.TIMESTAMP_FUTURE;
  }
  const stale = now > PEER_AGE_MS_MAX && timestamp < now - PEER_AGE_MS_MAX;
  return stale ? PeerVerdict.TIMESTAMP_STALE : PeerVerdict.OK;
}
