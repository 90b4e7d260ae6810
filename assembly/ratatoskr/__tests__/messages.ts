/** An engine with room for messages, and messages spelled in hexadecimal. */
import { setWord, writeConfiguration } from "../../core/__tests__/configuration";
import { Config } from "../../core/layout";
import { attachMemory, layOutMemory, openMemory, RATATOSKR, readShared } from "../../core/memory";
import { Block, MessageKind, RequestField, Verdict } from "../../core/ratatoskr";
import { Status } from "../../core/status";
import { fromHex, fromText, GUARD, toHex } from "../../crypto/__tests__/bytes";
import { clearBlock, fieldAt, lengthOf, metadataAt } from "../block";
import { decode } from "../decode";

export function configureMessages(replayEntries: u32): void {
  writeConfiguration(1);
  setWord(Config.RATATOSKR, 1);
  setWord(Config.REPLAY_ENTRIES, replayEntries);
  assert(layOutMemory() == Status.OK);
  openMemory();
  readShared();
  assert(attachMemory() == Status.OK);
}

/** Puts a message to IN, guard bytes behind it; returns its length. */
export function lay(hex: string): u32 {
  const length = <u32>(hex.length >> 1),
    at = RATATOSKR + Block.IN;
  memory.copy(at, fromHex(hex), length);
  memory.fill(at + length, GUARD, 32);
  return length;
}

export function verdictOf(kind: MessageKind, hex: string): Verdict {
  return decode(kind, RATATOSKR + Block.IN, lay(hex));
}

export function ofRequest(hex: string): Verdict {
  return verdictOf(MessageKind.REQUEST, hex);
}

/** The bytes of a field that was decoded, as hexadecimal text. */
export function field(number: u32): string {
  return toHex(<usize>load<u32>(fieldAt(number)), lengthOf(number));
}

/** Lays `length` bytes out as field `number`: whatever is in the place. */
export function setLength(number: u32, length: u32): void {
  store<u32>(fieldAt(number), <u32>(RATATOSKR + Block.IN));
  store<u32>(fieldAt(number), length, 4);
}

export function setText(number: u32, text: string): void {
  store<u32>(fieldAt(number), <u32>fromText(text));
  store<u32>(fieldAt(number), text.length, 4);
}

export function setEntry(index: u32, key: string, value: string): void {
  const entry = metadataAt(index);
  store<u32>(entry, <u32>fromText(key));
  store<u32>(entry, key.length, 4);
  store<u32>(entry, <u32>fromText(value), 8);
  store<u32>(entry, value.length, 12);
}

export function setMetadataCount(count: u32): void {
  store<u32>(RATATOSKR, count, Block.METADATA_COUNT);
}

/** A request that the schema takes, in the block. */
export function layRequest(): void {
  clearBlock();
  store<u64>(fieldAt(RequestField.MESSAGE_TYPE), 3);
  setText(RequestField.REQUEST_ID, "r");
  setText(RequestField.DEVICE_ID, "d");
  setText(RequestField.USER_ID, "u");
  store<i64>(fieldAt(RequestField.TIMESTAMP), 1767225600);
  setLength(RequestField.NONCE, 16);
  setLength(RequestField.SIGNATURE, 64);
}
