/**
 * The host's side of effects, for specs: what a request has asked for, one effect at a time, and
 * any end that a host could give it.
 */
import { Effect, EffectBlock, EffectKind, EffectStatus } from "../../core/layout";
import { REPLY_FRAME_BYTES } from "../../core/limits";
import { REPLY_FRAMES, replyFrames } from "../../core/memory";
import { Status } from "../../core/status";
import { fromHex, toHex } from "../../crypto/__tests__/bytes";
import { completeEffect } from "../parked";
import { releaseReplyFrame, takeReplyFrame } from "../reply-frames";
import { consumeDesk, desk, deskCount, popReply, reply, settle } from "./node";

function word(offset: usize): u32 {
  return load<u32>(desk + offset);
}

/** Kind of the oldest effect that has not ended; 0: there is none. */
export function askedKind(): EffectKind {
  return deskCount ? <EffectKind>word(Effect.KIND) : <EffectKind>0;
}
/** Its block. */
export function blockAt(): usize {
  return <usize>word(Effect.OFFSET);
}
/** Which effect of its request it is, from 0. */
export function effectNumber(): u32 {
  return word(Effect.KEY);
}
export function effectSlot(): u32 {
  return word(Effect.SLOT);
}
export function resultLimit(): u32 {
  return load<u32>(blockAt(), EffectBlock.RESULT_LIMIT);
}
export function resultAt(): usize {
  return <usize>load<u32>(blockAt(), EffectBlock.RESULT);
}
export function mode(): u32 {
  return load<u32>(blockAt(), EffectBlock.MODE);
}
export function permissions(): u32 {
  return load<u32>(blockAt(), EffectBlock.PERMISSIONS);
}
export function folder(): u32 {
  return load<u32>(blockAt(), EffectBlock.FOLDER);
}
export function fileName(): string {
  const length = load<u32>(blockAt(), EffectBlock.NAME_BYTES);
  return String.UTF8.decodeUnsafe(blockAt() + EffectBlock.NAME, length);
}
/** The content in hex. */
export function content(): string {
  const length = load<u32>(blockAt(), EffectBlock.CONTENT_BYTES);
  return toHex(blockAt() + EffectBlock.CONTENT, length);
}
/** Does the oldest effect lie whole in a reply frame, its result clear of its block? */
export function isSound(): bool {
  const index = (blockAt() - REPLY_FRAMES) / REPLY_FRAME_BYTES;
  const end = REPLY_FRAMES + (index + 1) * REPLY_FRAME_BYTES;
  const result = resultAt();
  return (
    index < <usize>replyFrames &&
    blockAt() + EffectBlock.BYTES == end &&
    result >= end - REPLY_FRAME_BYTES &&
    result + resultLimit() <= blockAt()
  );
}

/** Ends the oldest effect, whose result lies where it belongs, and lets the requests run. */
export function finish(status: EffectStatus, bytes: u32): void {
  const slot = effectSlot();
  assert(isSound(), "an effect outside its frame");
  consumeDesk();
  assert(completeEffect(slot, status, bytes) == Status.OK);
  assert(completeEffect(slot, status, bytes) == Status.INVALID_ARGUMENT, "ended twice");
  settle();
}

/** Ends the oldest effect with the bytes of `hex` as its result. */
export function finishWith(hex: string): void {
  const bytes = <u32>(hex.length >> 1);
  memory.copy(resultAt(), fromHex(hex), bytes);
  finish(EffectStatus.OK, bytes);
}
/** Ends it with the text. */
export function finishWithText(text: string): void {
  const bytes = String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, resultAt(), false);
  finish(EffectStatus.OK, <u32>bytes);
}

/** The wire status of the one reply that there is now; 0: none. */
export function status(): u32 {
  return popReply() ? <u32>load<u8>(reply, 2) : 0;
}

/** Are all reply frames free? */
export function allFramesFree(): bool {
  return freeFrames() == replyFrames;
}

function freeFrames(): u32 {
  let count: u32 = 0;
  const first = takeReplyFrame();
  if (!first) return 0;
  count += 1 + freeFrames();
  releaseReplyFrame(first);
  return count;
}

/** Takes every reply frame away, until giveFramesBack(). */
export function takeFrames(): void {
  while (takeReplyFrame()) {}
}
export function giveFramesBack(): void {
  for (let i: u32 = 0; i < replyFrames; i++)
    releaseReplyFrame(REPLY_FRAMES + <usize>i * REPLY_FRAME_BYTES);
}

/** Is every byte of all reply frames that requests have used for effects wiped? */
export function framesWiped(): bool {
  let left: u64 = 0;
  const end = REPLY_FRAMES + <usize>replyFrames * REPLY_FRAME_BYTES;
  for (let at = REPLY_FRAMES; at < end; at += 8) left |= load<u64>(at);
  return left == 0;
}
