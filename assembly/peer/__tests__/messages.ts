/** An engine with room for peer messages, and messages spelled in hexadecimal. */
import { setWord, writeConfiguration } from "../../core/__tests__/configuration";
import { Config } from "../../core/layout";
import { attachMemory, layOutMemory, openMemory, PEER, readShared } from "../../core/memory";
import { PeerBlock, PeerField, PeerKind, PeerVerdict, PeerWire } from "../../core/peer";
import { Status } from "../../core/status";
import { fromHex, GUARD, toHex } from "../../crypto/__tests__/bytes";
import { bytesOf, lengthOf } from "../block";
import { openMessage } from "../message";

export function configurePeer(): void {
  writeConfiguration(1);
  setWord(Config.PEER, 1);
  assert(layOutMemory() == Status.OK);
  openMemory();
  readShared();
  assert(attachMemory() == Status.OK);
}

/** Puts a message to IN, guard bytes behind it; returns its length. */
export function lay(hex: string): u32 {
  const length = <u32>(hex.length >> 1),
    at = PEER + PeerBlock.IN;
  memory.copy(at, fromHex(hex), length);
  memory.fill(at + length, GUARD, 32);
  return length;
}

export function verdictOf(kind: PeerKind, hex: string): PeerVerdict {
  return openMessage(kind, PeerWire.MESSAGE, lay(hex));
}

/** The bytes of a field, as hexadecimal text. */
export function field(number: PeerField): string {
  return toHex(bytesOf(number), lengthOf(number));
}

/** What was written, as hexadecimal text. */
export function written(): string {
  return toHex(PEER + PeerBlock.OUT, load<u32>(PEER, PeerBlock.OUT_LENGTH));
}

/** A text of at most 23 ASCII characters. */
export function text(value: string): string {
  let hex = (0x60 + value.length).toString(16);
  for (let i = 0; i < value.length; i++) hex += value.charCodeAt(i).toString(16);
  return hex;
}

/** A Protocol request with this item for its payload. */
export function ask(payload: string): string {
  const start = "a1" + text("Protocol") + "a3" + text("protocol") + text("p");
  return start + text("payload") + payload + text("metadata") + "f6";
}
