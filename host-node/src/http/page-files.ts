import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';

/** All files of a page together; the built wallet is far below a megabyte. */
const PAGE_BYTES_MAX = 64 * 1024 * 1024;
const PAGE_FILES_MAX = 1000;

/** What a built page consists of. A file of any other kind is not served. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};
/** A name with a hash of its content (`index-BxQ3f2_a.js`): what it stands for never changes. */
const HASHED_NAME = /^\/assets\/.+-[\w-]{8}\.\w+$/;

export interface PageFile {
  body: Buffer;
  type: string;
  etag: string;
  /** The name changes with the content, so a browser may keep it for ever. */
  immutable: boolean;
}

/** The page's folder is too large to be a page. */
export class PageFilesError extends Error {
  readonly code = 'ANDVARI_PAGE_FILES';
  override readonly name = 'PageFilesError';
}

/**
 * All files of a built page by their exact path (`/assets/x.js`, and `/` for index.html), read
 * now: no request ever names a file to the disk. Empty when the page has not been built.
 */
export function readPageFiles(directory: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  let bytes = 0;
  for (const path of listFiles(directory)) {
    const type = CONTENT_TYPES[extname(path)];
    if (type === undefined) continue;
    bytes += statSync(path).size;
    if (bytes > PAGE_BYTES_MAX || files.size >= PAGE_FILES_MAX) {
      throw new PageFilesError(`${directory} is too large for a page`);
    }
    const url = `/${relative(directory, path).split(sep).join('/')}`;
    const body = readFileSync(path);
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const file = { body, type, etag, immutable: HASHED_NAME.test(url) };
    files.set(url === '/index.html' ? '/' : url, file);
  }
  return files;
}

/** Plain files below a folder; no links, nothing hidden. A folder that is not there is empty. */
function listFiles(directory: string): string[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !relative(directory, path)
          .split(sep)
          .some((part) => part.startsWith('.')),
    );
}

function readEntries(directory: string) {
  return readdirSync(directory, { recursive: true, withFileTypes: true });
}
