/** What a message must be besides well-formed: the bounds of its fields. Peer sections 2, 3, 8. */
import {
  ED25519_SIGNATURE_BYTES,
  PEER_CHALLENGE_BYTES,
  PEER_ERROR_BYTES_MAX,
  PEER_ID_BYTES,
  PEER_KEY_BYTES,
  PEER_METADATA_BYTES_MAX,
  PEER_PROTOCOL_BYTES_MAX,
} from "../core/limits";
import { PeerField, PeerKeyKind, PeerKind, PeerVariant, PeerVerdict, PeerWire } from "../core/peer";
import { bytesOf, has, lengthOf, numberOf, variant } from "./block";

/** The first six bytes of a peer id of Ed25519: identity, 36 bytes; key type 1, 32 bytes. */
const ID_START: u32 = 0x01082400;
const ID_START_REST: u16 = 0x2012;

/** Verdicts: OK, 32 to 36. */
export function checkSchema(kind: PeerKind, wire: PeerWire): PeerVerdict {
  if (lengthOf(PeerField.PROTOCOL) > PEER_PROTOCOL_BYTES_MAX) return PeerVerdict.FIELD_TOO_LONG;
  if (kind > PeerKind.RESPONSE) return checkRouting();
  if (variant() == PeerVariant.HANDSHAKE) return checkHandshakeFields(wire);
  if (variant() == PeerVariant.HELLO && lengthOf(PeerField.CHALLENGE) != PEER_CHALLENGE_BYTES) {
    return PeerVerdict.CHALLENGE_LENGTH;
  }
  const fits =
    lengthOf(PeerField.TEXT) <= PEER_ERROR_BYTES_MAX &&
    lengthOf(PeerField.METADATA) <= PEER_METADATA_BYTES_MAX;
  return fits ? PeerVerdict.OK : PeerVerdict.FIELD_TOO_LONG;
}

function checkRouting(): PeerVerdict {
  if (!isPeerId(PeerField.SENDER)) return PeerVerdict.PEER_ID;
  const fits = !has(PeerField.RECIPIENT) || isPeerId(PeerField.RECIPIENT);
  return fits ? PeerVerdict.OK : PeerVerdict.PEER_ID;
}

/** Verdicts: OK, KEY_TYPE, SIGNATURE_LENGTH, PEER_ID. */
export function checkHandshakeFields(wire: PeerWire): PeerVerdict {
  const isInstance =
    wire == PeerWire.BARE || numberOf(PeerField.KEY_KIND) == PeerKeyKind.INSTANCE_PUBLIC_KEY;
  if (!isInstance || lengthOf(PeerField.KEY) != PEER_KEY_BYTES) return PeerVerdict.KEY_TYPE;
  if (lengthOf(PeerField.SIGNATURE) != ED25519_SIGNATURE_BYTES) {
    return PeerVerdict.SIGNATURE_LENGTH;
  }
  const fits = wire == PeerWire.BARE || isPeerId(PeerField.SENDER);
  return fits ? PeerVerdict.OK : PeerVerdict.PEER_ID;
}

/** Whether the field is the peer id of an Ed25519 key. */
export function isPeerId(field: PeerField): bool {
  if (lengthOf(field) != PEER_ID_BYTES) return false;
  const id = bytesOf(field);
  return load<u32>(id) == ID_START && load<u16>(id, 4) == ID_START_REST;
}

/**
 * Whether the block, before encoding, has a variant that this kind and wire have, and the numbers
 * that it needs in their range; what else is missing is empty.
 */
export function isMessage(kind: PeerKind, wire: PeerWire): bool {
  if (kind > PeerKind.RESPONSE) return numberOf(PeerField.ROUND_ID) <= u16.MAX_VALUE;
  const own = variant();
  if (own < PeerVariant.HANDSHAKE || own > PeerVariant.ERROR) return false;
  if (own > PeerVariant.PROTOCOL && kind != PeerKind.RESPONSE) return false;
  if (own == PeerVariant.HELLO && wire != PeerWire.CHALLENGE) return false;
  return numberOf(PeerField.CODE) <= u16.MAX_VALUE;
}
