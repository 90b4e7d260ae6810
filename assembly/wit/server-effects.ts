/** What the resource engine of raida-server.wit asks of its host, and what has changed. */
import { COMMITTED, HEAD } from "../core/control";
import { recordAt } from "../core/journal";
import { Effect, EffectBlock, EffectKind, Journal, Page, PageState, Ring } from "../core/layout";
import { PAGE_BYTES } from "../core/limits";
import { EFFECTS, PAGE_DATA, PAGE_META, pageSlots, pagesPerDenomination } from "../core/memory";
import { entryAt, used } from "../core/rings";
import { Status } from "../core/status";
import { pageLoaded as loaded } from "../raida/coins";
import { completeEffect } from "../raida/parked";
import { allocate, error1, error4, error8, okNothing, RESULT } from "./abi";
import { noteQuestion, questionAt } from "./questions";
import { endedHere, Fault, isServer } from "./server";

/** raida-server.wit, effect. */
const enum Told {
  LOAD_PAGE,
  FILL_RANDOM,
  ASK,
  FORGET_TRADE,
}

const EFFECT_RECORD: usize = 48;
const AN_BYTES: usize = 16;

export function effects(_server: u32): usize {
  if (!isServer()) return error4(Fault.ENDED);
  const count = used(EFFECTS),
    list = allocate(<usize>count * EFFECT_RECORD, 8);
  memory.fill(list, 0, <usize>count * EFFECT_RECORD);
  for (let i: u32 = 0; i < count; i++) {
    const tail = load<u32>(EFFECTS, Ring.TAIL);
    tell(entryAt(EFFECTS, tail), list + <usize>i * EFFECT_RECORD);
    store<u32>(EFFECTS, tail + 1, Ring.TAIL);
  }
  store<u8>(RESULT, 0);
  store<u32>(RESULT, <u32>list, 4);
  store<u32>(RESULT, count, 8);
  return RESULT;
}

function tell(entry: usize, out: usize): void {
  const kind = load<u32>(entry, Effect.KIND);
  if (kind == EffectKind.LOAD_PAGE) {
    const key = load<u32>(entry, Effect.KEY);
    store<u8>(out, Told.LOAD_PAGE);
    store<u32>(out, load<u32>(entry, Effect.SLOT), 8);
    store<i8>(out, <i8>(<i32>(key / pagesPerDenomination) - 8), 12);
    store<u32>(out, key % pagesPerDenomination, 16);
  } else if (kind == EffectKind.FILL_RANDOM) store<u8>(out, Told.FILL_RANDOM);
  else if (kind == EffectKind.FORGET_TRADE) {
    const an = allocate(AN_BYTES, 1);
    memory.copy(an, entry + Effect.AN, AN_BYTES);
    store<u8>(out, Told.FORGET_TRADE);
    store<u64>(out, load<u64>(entry, Effect.POSITION), 8);
    store<u32>(out, <u32>an, 16);
    store<u32>(out, <u32>AN_BYTES, 20);
  } else tellQuestion(entry, out, kind);
}

function tellQuestion(entry: usize, out: usize, kind: u32): void {
  const block = <usize>load<u32>(entry, Effect.OFFSET),
    slot = load<u32>(entry, Effect.SLOT);
  noteQuestion(slot, block);
  store<u8>(out, Told.ASK);
  store<u32>(out, slot, 8);
  store<u32>(out, kind, 12);
  store<u32>(out, load<u32>(block, EffectBlock.FOLDER), 16);
  store<u32>(out, load<u32>(block, EffectBlock.MODE), 20);
  store<u32>(out, load<u32>(block, EffectBlock.PERMISSIONS), 24);
  store<u32>(out, load<u32>(block, EffectBlock.RESULT_LIMIT), 28);
  store<u32>(out, <u32>(block + EffectBlock.NAME), 32);
  store<u32>(out, load<u32>(block, EffectBlock.NAME_BYTES), 36);
  store<u32>(out, <u32>(block + EffectBlock.CONTENT), 40);
  store<u32>(out, load<u32>(block, EffectBlock.CONTENT_BYTES), 44);
}

export function pageLoaded(_server: u32, slot: u32, isThere: u32, page: usize, length: u32): usize {
  const ended = endedHere();
  if (ended) return ended;
  if (isThere && length != PAGE_BYTES) return error1(Fault.LENGTH);
  if (slot >= pageSlots) return error1(Fault.SLOT);
  const state = load<u32>(PAGE_META + <usize>slot * Page.BYTES, Page.STATE);
  if (state != PageState.LOADING) return error1(Fault.SLOT);
  if (isThere) memory.copy(PAGE_DATA + <usize>slot * PAGE_BYTES, page, length);
  return loaded(slot, isThere ? 0 : 1) == Status.OK ? okNothing() : error1(Fault.SLOT);
}

export function complete(_server: u32, slot: u32, status: u32, answer: usize, length: u32): usize {
  const ended = endedHere();
  if (ended) return ended;
  const block = questionAt(slot);
  if (block == 0) return error1(Fault.SLOT);
  if (length > load<u32>(block, EffectBlock.RESULT_LIMIT)) return error1(Fault.LENGTH);
  memory.copy(<usize>load<u32>(block, EffectBlock.RESULT), answer, length);
  noteQuestion(slot, 0);
  return completeEffect(slot, status, length) == Status.OK ? okNothing() : error1(Fault.SLOT);
}

export function changes(_server: u32): usize {
  if (!isServer()) return error8(Fault.ENDED);
  const first = load<u64>(COMMITTED),
    count = <u32>(load<u64>(HEAD) - first),
    bytes = count * Journal.RECORD_BYTES,
    out = allocate(bytes, 8);
  for (let i: u32 = 0; i < count; i++) {
    memory.copy(out + <usize>i * Journal.RECORD_BYTES, recordAt(first + i), Journal.RECORD_BYTES);
  }
  store<u8>(RESULT, 0);
  store<u64>(RESULT, first, 8);
  store<u32>(RESULT, <u32>out, 16);
  store<u32>(RESULT, bytes, 20);
  return RESULT;
}

export function commit(_server: u32, position: u64): usize {
  const ended = endedHere();
  if (ended) return ended;
  const known = position >= load<u64>(COMMITTED) && position <= load<u64>(HEAD);
  if (!known) return error1(Fault.POSITION);
  store<u64>(COMMITTED, position);
  return okNothing();
}
