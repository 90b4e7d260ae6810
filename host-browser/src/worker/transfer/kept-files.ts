/** Files that have come, or a part of which has, in the browser's storage for this origin. */
import { type FileFacts, factsIn } from './file-facts.ts';
import type { KeptView } from './transfer-messages.ts';

const FOLDER = 'received';

/** The folder of one, made if it is not there. Rejects with what the browser says. */
export async function keptFolder(key: string): Promise<FileSystemDirectoryHandle> {
  return (await allKept()).getDirectoryHandle(key, { create: true });
}

export async function removeKept(key: string): Promise<void> {
  await (await allKept()).removeEntry(key, { recursive: true });
}

export async function writeFacts(
  folder: FileSystemDirectoryHandle,
  facts: FileFacts,
): Promise<void> {
  const file = await folder.getFileHandle('facts', { create: true });
  const handle = await file.createSyncAccessHandle();
  try {
    handle.truncate(0);
    handle.write(new TextEncoder().encode(JSON.stringify(facts)));
    handle.flush();
  } finally {
    handle.close();
  }
}

/** The bytes of one, where they lie. Rejects with what the browser says. */
export async function keptFile(key: string): Promise<File> {
  const folder = await (await allKept()).getDirectoryHandle(key);
  return (await folder.getFileHandle('data')).getFile();
}

/** What no description is of is a rest of ours, and is not shown. */
export async function keptFiles(): Promise<KeptView[]> {
  const views: KeptView[] = [];
  for await (const [key, entry] of (await allKept()).entries()) {
    const view = entry.kind === 'directory' && (await viewOf(key, entry));
    if (view) views.push(view);
  }
  return views.sort((a, b) => a.name.localeCompare(b.name));
}

async function viewOf(key: string, folder: FileSystemHandle): Promise<KeptView | undefined> {
  const inside = folder as FileSystemDirectoryHandle;
  try {
    const facts = factsIn(await (await (await inside.getFileHandle('facts')).getFile()).text());
    const { size: bytes } = await (await inside.getFileHandle('data')).getFile();
    return facts && { key, name: facts.name, size: facts.size, bytes, isWhole: facts.isWhole };
  } catch {
    return undefined;
  }
}

async function allKept(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}
