/**
 * The names that the messages have in CBOR, and which fields stand in which struct. Reference: peer
 * sections 1, 2 and 6.
 */
import { PeerField, PeerKeyKind, PeerKind, PeerVariant, PeerWire } from "../core/peer";

/** Which struct is open. */
export const enum Shape {
  NONE,
  /** Wire 1: public_key, signature. */
  BARE_HANDSHAKE,
  HANDSHAKE,
  /** msg of a handshake. */
  MSG,
  HELLO,
  /** A request: protocol, payload, metadata. */
  PROTOCOL,
  /** A response: data only. */
  DATA,
  SUCCESS,
  ERROR,
}

/** Is the text at `text` this name (ASCII)? */
function isName(text: usize, length: u32, name: string): bool {
  if (name.length != <i32>length) return false;
  const characters = changetype<usize>(name);
  for (let i: usize = 0; i < length; i++) {
    if (load<u8>(text + i) != load<u16>(characters + (i << 1))) return false;
  }
  return true;
}

/** The variant of a name; 0 for one that this kind, or this wire, has not. */
export function variantOf(kind: PeerKind, wire: PeerWire, text: usize, length: u32): PeerVariant {
  if (isName(text, length, "Handshake")) return PeerVariant.HANDSHAKE;
  if (isName(text, length, "Protocol")) return PeerVariant.PROTOCOL;
  if (isName(text, length, "Hello")) {
    return wire == PeerWire.CHALLENGE ? PeerVariant.HELLO : <PeerVariant>0;
  }
  if (kind != PeerKind.RESPONSE) return <PeerVariant>0;
  if (isName(text, length, "Success")) return PeerVariant.SUCCESS;
  return isName(text, length, "Error") ? PeerVariant.ERROR : <PeerVariant>0;
}

export function shapeOf(kind: PeerKind, wire: PeerWire, variant: PeerVariant): Shape {
  if (variant == PeerVariant.HANDSHAKE) {
    return wire == PeerWire.BARE ? Shape.BARE_HANDSHAKE : Shape.HANDSHAKE;
  }
  if (variant == PeerVariant.PROTOCOL) {
    return kind == PeerKind.REQUEST ? Shape.PROTOCOL : Shape.DATA;
  }
  if (variant == PeerVariant.HELLO) return Shape.HELLO;
  return variant == PeerVariant.SUCCESS ? Shape.SUCCESS : Shape.ERROR;
}

/** The field of a key in a struct; 0 for a key that it has not. */
export function fieldOf(shape: Shape, text: usize, length: u32): PeerField {
  if (shape == Shape.HANDSHAKE || shape == Shape.BARE_HANDSHAKE) {
    return handshakeField(shape, text, length);
  }
  if (shape == Shape.MSG) {
    if (isName(text, length, "sender")) return PeerField.SENDER;
    return isName(text, length, "timestamp") ? PeerField.TIMESTAMP : <PeerField>0;
  }
  if (shape == Shape.HELLO) {
    return isName(text, length, "challenge") ? PeerField.CHALLENGE : <PeerField>0;
  }
  if (shape == Shape.ERROR) {
    if (isName(text, length, "code")) return PeerField.CODE;
    return isName(text, length, "message") ? PeerField.TEXT : <PeerField>0;
  }
  return protocolField(shape, text, length);
}

function handshakeField(shape: Shape, text: usize, length: u32): PeerField {
  if (isName(text, length, "signature")) return PeerField.SIGNATURE;
  if (shape == Shape.BARE_HANDSHAKE) {
    return isName(text, length, "public_key") ? PeerField.KEY : <PeerField>0;
  }
  if (isName(text, length, "verification_id_key")) return PeerField.KEY_KIND;
  return isName(text, length, "msg") ? PeerField.MSG : <PeerField>0;
}

function protocolField(shape: Shape, text: usize, length: u32): PeerField {
  if (shape != Shape.DATA && isName(text, length, "protocol")) return PeerField.PROTOCOL;
  if (shape != Shape.PROTOCOL) {
    return isName(text, length, "data") ? PeerField.PAYLOAD : <PeerField>0;
  }
  if (isName(text, length, "payload")) return PeerField.PAYLOAD;
  return isName(text, length, "metadata") ? PeerField.METADATA : <PeerField>0;
}

/** Bits of the fields that a struct must have. Success has a protocol in one of its two forms. */
export function requiredOf(shape: Shape): u32 {
  switch (shape) {
    case Shape.BARE_HANDSHAKE:
      return (1 << PeerField.KEY) | (1 << PeerField.SIGNATURE);
    case Shape.HANDSHAKE:
      return (1 << PeerField.KEY_KIND) | (1 << PeerField.SIGNATURE) | (1 << PeerField.MSG);
    case Shape.MSG:
      return (1 << PeerField.SENDER) | (1 << PeerField.TIMESTAMP);
    case Shape.HELLO:
      return 1 << PeerField.CHALLENGE;
    case Shape.PROTOCOL:
      return (1 << PeerField.PROTOCOL) | (1 << PeerField.PAYLOAD) | (1 << PeerField.METADATA);
    case Shape.ERROR:
      return (1 << PeerField.CODE) | (1 << PeerField.TEXT);
  }
  return 1 << PeerField.PAYLOAD;
}

/** The kind of key of a name; -1 for one that nobody knows. */
export function keyKindOf(text: usize, length: u32): i32 {
  if (isName(text, length, "InstancePublicKey")) return PeerKeyKind.INSTANCE_PUBLIC_KEY;
  return isName(text, length, "EvmAddress") ? PeerKeyKind.EVM_ADDRESS : -1;
}
