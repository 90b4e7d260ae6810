import { guarded } from "../../crypto/__tests__/bytes";
import { startEpochs } from "../epoch";
import {
  freeIndex,
  freeIndexIsOurs,
  giveIndex,
  hasIndex,
  indexCame,
  indicesUsedUp,
  keepIndex,
  newestIndex,
  resetPathIndices,
  takeIndex,
} from "../path-index";
import { currentPath, NO_INDEX, Path, startPaths } from "../path-slots";
import { bareSession, configureTransfer } from "./configured";

configureTransfer();
const material = guarded(96);
const far = guarded(24);

function session(initiator: bool): usize {
  const made = bareSession();
  memory.fill(material, 7, 96);
  startEpochs(made, material, initiator, false);
  startPaths(made, far);
  return made;
}

describe("path indices", () => {
  test("are taken in turn, two ahead of what came and to 252", () => {
    const made = session(true);
    expect(takeIndex(made)).toBe(1);
    expect(takeIndex(made)).toBe(2);
    expect(takeIndex(made)).toBe(NO_INDEX, "3 is not known there");
    indexCame(made, 0, 1);
    expect(freeIndex(made)).toBe(3);
    expect(takeIndex(made)).toBe(3);
    expect(takeIndex(made)).toBe(NO_INDEX);
    indexCame(made, 0, 250);
    expect(takeIndex(made)).toBe(251);
    expect(indicesUsedUp(made)).toBe(false);
    expect(takeIndex(made)).toBe(252);
    indexCame(made, 0, 252);
    expect(indicesUsedUp(made)).toBe(true);
    expect(takeIndex(made)).toBe(NO_INDEX);
  });

  test("leave out what the other side of a rekey takes first", () => {
    const asks = session(true),
      answers = session(false);
    expect(freeIndexIsOurs(asks)).toBe(false, "there was no rekey");
    resetPathIndices(asks, true);
    resetPathIndices(answers, false);
    expect(freeIndexIsOurs(asks)).toBe(true);
    expect(freeIndexIsOurs(answers)).toBe(true);
    expect(takeIndex(asks)).toBe(1);
    expect(takeIndex(asks)).toBe(NO_INDEX);
    expect(takeIndex(answers)).toBe(2);
    expect(takeIndex(answers)).toBe(NO_INDEX);
    indexCame(asks, 0, 2);
    indexCame(answers, 0, 1);
    expect(freeIndexIsOurs(asks)).toBe(false);
    expect(takeIndex(asks)).toBe(3);
    expect(takeIndex(answers)).toBe(3, "from then on both take the next");
  });

  test("are 0 for the path of whoever asked, and none for whoever answered", () => {
    const asks = session(true),
      answers = session(false);
    resetPathIndices(asks, true);
    resetPathIndices(answers, false);
    expect(load<u32>(currentPath(asks), Path.INDEX)).toBe(0);
    expect(hasIndex(asks, currentPath(asks))).toBe(true);
    expect(hasIndex(answers, currentPath(answers))).toBe(false);
    expect(giveIndex(answers, currentPath(answers))).toBe(true);
    expect(load<u32>(currentPath(answers), Path.INDEX)).toBe(2);
  });

  test("are shown again by the current path alone, if there is no other", () => {
    const made = session(true),
      path = currentPath(made);
    takeIndex(made);
    takeIndex(made);
    store<u32>(path, NO_INDEX, Path.INDEX);
    expect(giveIndex(made, path)).toBe(false);
    expect(hasIndex(made, path)).toBe(false);
    keepIndex(made, path);
    expect(load<u32>(path, Path.INDEX)).toBe(newestIndex(made));
  });

  test("that have fallen out of what is listed are none", () => {
    const made = session(true),
      path = currentPath(made);
    indexCame(made, 0, 5);
    expect(hasIndex(made, path)).toBe(true);
    indexCame(made, 0, 6);
    expect(hasIndex(made, path)).toBe(false);
    expect(giveIndex(made, path)).toBe(true);
    expect(load<u32>(path, Path.INDEX)).toBe(7);
  });
});
