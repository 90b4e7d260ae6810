/** What a handshake's signature is over, for each wire. Reference: peer sections 3, 5 and 6. */
import { PEER } from "../core/memory";
import { PeerBlock, PeerField, PeerWire } from "../core/peer";
import { bytesOf, lengthOf, numberOf, setOutLength } from "./block";

const TIMESTAMP_BYTES: u32 = 16;

let out: usize = 0;

/**
 * Writes to OUT, from SENDER, RECIPIENT, TIMESTAMP and (wire 3) ROLE, the challenges and PROTOCOL:
 *
 *     wire 1   recipient
 *     wire 2   sender | recipient | timestamp (16 bytes, big-endian)
 *     wire 3   "peer-handshake-v3" 00, then each with its length before it (u16, big-endian):
 *              role (1 byte) | sender | recipient | challenge of the side that connected |
 *              challenge of the other | timestamp (as above) | protocol id
 */
export function writeSigningBytes(wire: PeerWire): void {
  out = PEER + PeerBlock.OUT;
  if (wire == PeerWire.CHALLENGE) writeWhole();
  else {
    if (wire == PeerWire.MESSAGE) write(PeerField.SENDER);
    write(PeerField.RECIPIENT);
    if (wire == PeerWire.MESSAGE) writeTimestamp();
  }
  setOutLength(out - PEER - PeerBlock.OUT);
}

function writeWhole(): void {
  const label = "peer-handshake-v3\0",
    characters = changetype<usize>(label);
  for (let i: usize = 0; i < <usize>label.length; i++) {
    store<u8>(out++, <u8>load<u16>(characters + (i << 1)));
  }
  writeLength(1);
  store<u8>(out++, <u8>numberOf(PeerField.ROLE));
  writeCounted(PeerField.SENDER);
  writeCounted(PeerField.RECIPIENT);
  writeCounted(PeerField.CHALLENGE);
  writeCounted(PeerField.ANSWER_CHALLENGE);
  writeLength(TIMESTAMP_BYTES);
  writeTimestamp();
  writeCounted(PeerField.PROTOCOL);
}

function writeLength(length: u32): void {
  store<u16>(out, bswap<u16>(<u16>length));
  out += 2;
}

function writeCounted(field: PeerField): void {
  writeLength(lengthOf(field));
  write(field);
}

function write(field: PeerField): void {
  memory.copy(out, bytesOf(field), lengthOf(field));
  out += lengthOf(field);
}

function writeTimestamp(): void {
  store<u64>(out, bswap<u64>(numberOf(PeerField.TIMESTAMP_HIGH)));
  store<u64>(out, bswap<u64>(numberOf(PeerField.TIMESTAMP)), 8);
  out += TIMESTAMP_BYTES;
}
