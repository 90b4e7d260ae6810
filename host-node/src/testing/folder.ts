/** A folder of its own for each test of a file, gone behind it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

export class TestFolder {
  path = '';

  /** The path of what has this name in it. */
  at(name: string): string {
    return join(this.path, name);
  }
}

/** @param name for people who look into the folder of temporary files */
export function folderForTests(name: string): TestFolder {
  const folder = new TestFolder();
  beforeEach(() => {
    folder.path = mkdtempSync(join(tmpdir(), `andvari-${name}-`));
  });
  afterEach(() => rmSync(folder.path, { recursive: true }));
  return folder;
}
