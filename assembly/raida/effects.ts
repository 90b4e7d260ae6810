/**
 * Effects of the current request: what it needs of the world outside (a file, the other servers,
 * the proxy). A run that needs one fills the block, asks, and parks; the host does it and calls
 * complete(); the next run finds the result where it asked for it and repeats nothing. The block
 * and the result lie in a reply frame that the request holds until it is answered. border.md
 * "Parking".
 */
import { add32 } from "../core/atomics";
import { LOADS } from "../core/control";
import { EffectBlock, EffectKind, EffectStatus, Folder } from "../core/layout";
import { FILE_BYTES_MAX, REPLY_FRAME_BYTES } from "../core/limits";
import { EFFECTS, replyFrames } from "../core/memory";
import { emitEffect, room } from "../core/rings";
import { Status } from "../core/status";
import * as context from "./context";
import { Outcome } from "./context";
import { releaseReplyFrame, takeReplyFrame } from "./reply-frames";

/** The reply frame of this request, or 0. */
export let frame: usize = 0;
/** How many effects of this request have ended. */
export let done: u32 = 0;
/** How the last one ended, and the bytes of its result. */
export let status: EffectStatus = EffectStatus.OK;
export let bytes: u32 = 0;
/** A word that a command keeps from run to run. */
export let note: u32 = 0;
/** The kind that this run has asked for, to be told to the host when the request has its slot. */
let asked: u32 = 0;
/** Requests of this instance that wait for other machines. */
let slow: u32 = 0;

/** A request starts anew: no effects yet. */
export function reset(): void {
  frame = 0;
  done = 0;
  bytes = 0;
  asked = 0;
  note = 0;
}

/** Takes up what a parked request has. */
export function takeUp(
  ofFrame: usize,
  ended: u32,
  withStatus: EffectStatus,
  resultBytes: u32,
  kept: u32,
): void {
  frame = ofFrame;
  done = ended;
  status = withStatus;
  bytes = resultBytes;
  note = kept;
  asked = 0;
}

export function keep(word: u32): void {
  note = word;
}

/**
 * Makes the request's block ready for an effect, with its result to go to `result` bytes behind the
 * start of the frame. False: no frame is free now, to be answered 254. Nothing waits for a frame:
 * requests to slow servers would fill the park.
 */
export function open(result: u32): bool {
  if (room(EFFECTS) == 0) return false;
  if (!frame) frame = takeReplyFrame();
  if (!frame) return false;
  memory.fill(block(), 0, EffectBlock.NAME);
  store<u32>(block(), <u32>frame + result, EffectBlock.RESULT);
  store<u32>(block(), FILE_BYTES_MAX, EffectBlock.RESULT_LIMIT);
  return true;
}

/** As open(), for an effect that waits for other machines: they get half of the frames at most. */
export function openSlow(result: u32): bool {
  return slow < max<u32>(1, replyFrames >>> 1) && open(result);
}

/** The effect block of the request's frame. */
export function block(): usize {
  return frame + REPLY_FRAME_BYTES - EffectBlock.BYTES;
}

/** Where the last effect has left its result. */
export function result(): usize {
  return load<u32>(block(), EffectBlock.RESULT);
}

/** Names a file: its folder, and `length` bytes at `name`. */
export function setFile(folder: Folder, name: usize, length: u32): void {
  store<u32>(block(), folder, EffectBlock.FOLDER);
  store<u32>(block(), length, EffectBlock.NAME_BYTES);
  memory.copy(block() + EffectBlock.NAME, name, length);
}

/** Where a command builds the name itself. */
export function nameAt(): usize {
  return block() + EffectBlock.NAME;
}

export function contentAt(): usize {
  return block() + EffectBlock.CONTENT;
}

export function setMode(mode: u32, permissions: u32): void {
  store<u32>(block(), mode, EffectBlock.MODE);
  store<u32>(block(), permissions, EffectBlock.PERMISSIONS);
}

/** How many bytes at contentAt() count. */
export function setContent(length: u32): void {
  store<u32>(block(), length, EffectBlock.CONTENT_BYTES);
}

/** At most so many bytes of result. */
export function limitResult(length: u32): void {
  store<u32>(block(), length, EffectBlock.RESULT_LIMIT);
}

/** Ends the run: it goes on when the effect has ended. */
export function ask(kind: EffectKind): Outcome {
  asked = kind;
  return Outcome.PARK;
}

/** Ends a request for which open() found no frame. */
export function noFrame(): Outcome {
  return context.refuse(Status.MEMORY);
}

export function isAsked(): bool {
  return asked != 0;
}

/** Tells the host, once the request has its slot. */
export function tell(slot: u32): void {
  if (isSlow(asked)) slow++;
  emitEffect(asked, block(), done, slot);
}

function isSlow(kind: u32): bool {
  return kind == EffectKind.ASK_SERVERS || kind == EffectKind.ASK_PROXY;
}

/** The host is done with an effect of this kind: news to parked requests. */
export function ended(kind: u32): void {
  if (isSlow(kind)) slow--;
  add32(LOADS, 1);
}

export function askedKind(): u32 {
  return asked;
}

/** Makes the request's frame that of its reply, whose body then stands where the result does. */
export function answerFromFrame(withStatus: Status, length: u32): Outcome {
  context.useReplyFrame(frame);
  return context.answer(withStatus, length);
}

/**
 * The request is answered: what the block and the results held is wiped, and the frame goes back
 * unless the reply lies in it. Of several results the last has to lie highest.
 */
export function close(): void {
  if (!frame) return;
  const end = result() + bytes;
  memory.fill(block(), 0, EffectBlock.BYTES);
  if (context.reply != frame) {
    if (end > frame && done) memory.fill(frame, 0, end - frame);
    releaseReplyFrame(frame);
  }
  frame = 0;
}
