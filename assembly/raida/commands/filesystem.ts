/**
 * Group 13, Filesystem: objects of the operator's, under the admin key. Reference: RAIDA section 9.
 */
import { EffectKind, EffectStatus, Folder, WriteMode } from "../../core/layout";
import { Status } from "../../core/status";
import { isAdmin } from "../admin";
import * as context from "../context";
import { Outcome } from "../context";
import * as effects from "../effects";
import { readU32BE } from "../header";
import { bytesToNul, checkPath, withoutNul } from "../object-path";
import { replyBytesMax } from "../reply-frames";

const ADMIN_BYTES: u32 = 16;
/** 13/134: admin key, size (u32), path, NUL, content. */
const SIZE: usize = 16;
const PUT_PATH: usize = 20;
const PUT_BYTES_LEAST: u32 = 22;
/** 13/135 and 13/136: admin key, path. */
const BYTES_LEAST: u32 = 17;
const PERMISSIONS: u32 = 0o644;

/** Admin key and path, on the first run: OK, or the status to answer. */
function check(path: usize, length: u32): Status {
  if (effects.done) return Status.OK;
  return isAdmin(context.payload) ? checkPath(path, length) : Status.ADMIN_AUTH;
}

/** What the end of an effect means on the wire. */
function statusOfEnd(): Status {
  switch (effects.status) {
    case EffectStatus.OK:
      return Status.SUCCESS;
    case EffectStatus.MISSING:
      return Status.FILE_DOES_NOT_EXIST;
    case EffectStatus.OUTSIDE:
      return Status.ADMIN_AUTH;
    case EffectStatus.NOT_A_FILE:
      return Status.INVALID_PARAMETER;
  }
  return Status.FILESYSTEM;
}

/**
 * 13/134: admin key (16), size (u32), path, NUL, content: writes the object, whole or not at all.
 * 250; 38 also for a path that leads outside; 202: no such folder; 198: no path for a file.
 */
export function putObject(_pinning: bool): Outcome {
  if (context.bodySize == 0) return context.refuse(Status.EMPTY_REQUEST);
  if (context.payloadBytes < PUT_BYTES_LEAST) return context.refuse(Status.INVALID_PACKET_LENGTH);
  const path = context.payload + PUT_PATH,
    room = context.payloadBytes - <u32>PUT_PATH,
    length = bytesToNul(path, room);
  const refused = check(path, length);
  if (refused == Status.ADMIN_AUTH) return context.refuse(refused);
  if (length == room || room - length - 1 != readU32BE(context.payload + SIZE))
    return context.refuse(Status.INVALID_PACKET_LENGTH);
  if (refused != Status.OK) return context.refuse(refused);
  if (effects.done) return context.refuse(statusOfEnd());
  if (!effects.open(0)) return effects.noFrame();
  effects.setFile(Folder.FOLDERS, path, length);
  memory.copy(effects.contentAt(), path + length + 1, room - length - 1);
  effects.setContent(room - length - 1);
  effects.setMode(WriteMode.REPLACE, PERMISSIONS);
  return effects.ask(EffectKind.WRITE_FILE);
}

/** Opens an effect on the object that 13/135 or 13/136 names. False: the answer is set. */
function openObject(): bool {
  if (context.bodySize == 0) return refused(Status.EMPTY_REQUEST);
  if (context.payloadBytes < BYTES_LEAST) return refused(Status.INVALID_PACKET_LENGTH);
  const path = context.payload + ADMIN_BYTES,
    length = withoutNul(path, context.payloadBytes - ADMIN_BYTES);
  const status = check(path, length);
  if (status != Status.OK) return refused(status);
  if (!effects.open(context.headerBytes)) return refused(Status.MEMORY);
  effects.setFile(Folder.FOLDERS, path, length);
  return true;
}

function refused(status: Status): bool {
  context.refuse(status);
  return false;
}

/** 13/135: admin key (16), path with or without a NUL: 250 and the object; 194: it is too large. */
export function getObject(_pinning: bool): Outcome {
  if (effects.done == 0) {
    if (!openObject()) return Outcome.ANSWER;
    effects.limitResult(replyBytesMax());
    return effects.ask(EffectKind.READ_FILE);
  }
  const status = statusOfEnd();
  if (status != Status.SUCCESS) return context.refuse(status);
  if (effects.bytes > replyBytesMax()) return context.refuse(Status.FILESYSTEM);
  return effects.answerFromFrame(status, effects.bytes);
}

/** 13/136: admin key (16), path with or without a NUL: 250, the object is gone. */
export function removeObject(_pinning: bool): Outcome {
  if (effects.done) return context.refuse(statusOfEnd());
  return openObject() ? effects.ask(EffectKind.REMOVE_FILE) : Outcome.ANSWER;
}
