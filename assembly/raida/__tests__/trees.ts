/** Merkle trees of a node with two pages a denomination, for specs. */
import { store32 } from "../../core/atomics";
import { MERKLE_READY } from "../../core/control";
import { MERKLE } from "../../core/memory";

/** As the host: node n of denomination index d is 32 times the byte 16 d + n. */
export function writeTrees(): void {
  for (let index: u32 = 0; index < 15; index++) {
    for (let node: u32 = 0; node < 3; node++)
      memory.fill(MERKLE + <usize>(index * 3 + node) * 32, <u8>(index * 16 + node), 32);
  }
  setReady(true);
}

export function setReady(ready: bool): void {
  store32(MERKLE_READY, ready ? 1 : 0);
}
