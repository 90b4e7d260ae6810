/** Which questions of the resource engine wait for an answer, by their slots. */
import { PARK_SLOTS_MAX } from "../core/limits";

/** Where the block of a question lies, 4 bytes a slot; 0: none was asked. */
const BLOCKS: usize = memory.data(16384, 4);

export function forgetQuestions(): void {
  memory.fill(BLOCKS, 0, (<usize>PARK_SLOTS_MAX) << 2);
}

export function noteQuestion(slot: u32, block: usize): void {
  store<u32>(BLOCKS + ((<usize>slot) << 2), <u32>block);
}

/** The block of the question in a slot; 0: there is none. */
export function questionAt(slot: u32): usize {
  return slot < PARK_SLOTS_MAX ? <usize>load<u32>(BLOCKS + ((<usize>slot) << 2)) : 0;
}
