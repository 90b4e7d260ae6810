import { guarded } from "../../crypto/__tests__/bytes";
import { startEpochs } from "../epoch";
import {
  borrowIndex,
  freeIndex,
  giveIndex,
  hasIndex,
  indexCame,
  indicesUsedUp,
  keepIndex,
  newestIndex,
  resetPathIndices,
  takeIndex,
} from "../path-index";
import { cameBefore, currentPath, NO_INDEX, newPath, Path, startPaths } from "../path-slots";
import { bareSession, configureTransfer } from "./configured";

configureTransfer();
const material = guarded(96);
const far = guarded(24);
const OTHER = guarded(24);
store<u8>(OTHER, 1);

function session(initiator: bool): usize {
  const made = bareSession();
  memory.fill(material, 7, 96);
  startEpochs(made, material, initiator, false);
  startPaths(made, far);
  return made;
}

describe("path indices", () => {
  test("are taken in turn, the odd ones by whoever called, two ahead of what came, to 252", () => {
    const calls = session(true);
    expect(takeIndex(calls)).toBe(1);
    expect(takeIndex(calls)).toBe(NO_INDEX, "3 is not known there");
    indexCame(calls, 0, 1);
    expect(freeIndex(calls)).toBe(3);
    expect(takeIndex(calls)).toBe(3);
    expect(takeIndex(calls)).toBe(NO_INDEX);
    indexCame(calls, 0, 249);
    expect(indicesUsedUp(calls)).toBe(false);
    expect(takeIndex(calls)).toBe(251);
    expect(indicesUsedUp(calls)).toBe(true, "252 is the other side's");
    indexCame(calls, 0, 251);
    expect(borrowIndex(calls)).toBe(252);
    indexCame(calls, 0, 252);
    expect(indicesUsedUp(calls)).toBe(true);
    expect(takeIndex(calls)).toBe(NO_INDEX);
  });

  test("are the even ones for whoever was called, so that none is taken by both", () => {
    const calls = session(true),
      called = session(false);
    expect(takeIndex(called)).toBe(2);
    expect(takeIndex(called)).toBe(NO_INDEX);
    expect(takeIndex(calls)).toBe(1);
    indexCame(calls, 0, 2);
    indexCame(called, 0, 1);
    expect(takeIndex(calls)).toBe(3);
    expect(takeIndex(called)).toBe(NO_INDEX, "of 2 nobody has heard");
    indexCame(called, 0, 2);
    expect(takeIndex(called)).toBe(4);
  });

  test("are the same after a rekey, whoever asked for it", () => {
    const calls = session(true),
      called = session(false);
    resetPathIndices(calls, false);
    resetPathIndices(called, true);
    expect(takeIndex(calls)).toBe(1);
    expect(takeIndex(called)).toBe(2);
  });

  test("are borrowed of the other side by what cannot wait, if it knows them", () => {
    const calls = session(true),
      called = session(false);
    expect(borrowIndex(calls)).toBe(1, "one of its own first");
    expect(borrowIndex(calls)).toBe(2);
    expect(borrowIndex(calls)).toBe(NO_INDEX, "3 is not known there");
    indexCame(calls, 0, 2);
    expect(takeIndex(calls)).toBe(3);
    expect(borrowIndex(called)).toBe(2);
    expect(borrowIndex(called)).toBe(NO_INDEX, "nor is 1 the next any more");
  });

  test("are 0 for the path of whoever asked, and none for whoever answered", () => {
    const asks = session(true),
      answers = session(false);
    resetPathIndices(asks, true);
    resetPathIndices(answers, false);
    expect(load<u16>(currentPath(asks), Path.INDEX)).toBe(0);
    expect(hasIndex(asks, currentPath(asks))).toBe(true);
    expect(hasIndex(answers, currentPath(answers))).toBe(false);
    expect(giveIndex(answers, currentPath(answers))).toBe(true);
    expect(load<u16>(currentPath(answers), Path.INDEX)).toBe(2);
  });

  test("are those of the same way behind another mapping, as in the epoch before", () => {
    const asks = session(true),
      mapped = newPath(asks, OTHER);
    store<u16>(currentPath(asks), 4, Path.INDEX);
    resetPathIndices(asks, true);
    cameBefore(mapped, 4);
    expect(giveIndex(asks, mapped)).toBe(true);
    expect(load<u16>(mapped, Path.INDEX)).toBe(0);
    expect(freeIndex(asks)).toBe(1, "it has taken none");
  });

  test("are others where the peer has moved in the epoch before", () => {
    const asks = session(true),
      moved = newPath(asks, OTHER);
    store<u16>(currentPath(asks), 4, Path.INDEX);
    resetPathIndices(asks, true);
    cameBefore(moved, 6);
    expect(giveIndex(asks, moved)).toBe(true);
    expect(load<u16>(moved, Path.INDEX)).toBe(1);
    const never = newPath(asks, OTHER);
    expect(giveIndex(asks, never)).toBe(false, "nothing has come from there");
  });

  test("are shown again by the current path alone, if there is no other", () => {
    const made = session(true),
      path = currentPath(made);
    takeIndex(made);
    store<u16>(path, NO_INDEX, Path.INDEX);
    expect(giveIndex(made, path)).toBe(false);
    expect(hasIndex(made, path)).toBe(false);
    keepIndex(made, path);
    expect(load<u16>(path, Path.INDEX)).toBe(2, "a borrowed one");
    store<u16>(path, NO_INDEX, Path.INDEX);
    keepIndex(made, path);
    expect(load<u16>(path, Path.INDEX)).toBe(<u16>newestIndex(made));
  });

  test("that have fallen out of what is listed are none", () => {
    const made = session(true),
      path = currentPath(made);
    indexCame(made, 0, 5);
    expect(hasIndex(made, path)).toBe(true);
    indexCame(made, 0, 6);
    expect(hasIndex(made, path)).toBe(false);
    expect(giveIndex(made, path)).toBe(true);
    expect(load<u16>(path, Path.INDEX)).toBe(7);
  });
});
