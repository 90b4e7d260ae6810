/**
 * Names that a sender gives its files (reference: transfer section 9.3). The receiver chooses the
 * folder, and no name leaves it: it is one step down for each part, on every system that may
 * unpack the folder later. Nothing is repaired: a name that has to be changed is refused, so that
 * nobody gets a file under a name that nobody has seen.
 */

/** What a file system takes, in UTF-8; a path also has its slashes. */
export const NAME_BYTES_MAX = 255;
export const PATH_BYTES_MAX = 4096;
/** Folders within each other. */
export const PATH_DEPTH_MAX = 64;
/** Of files that have not come whole yet. */
export const PART_SUFFIX = '.andvari-part';
/** The part itself, and what lies beside it: the part of another file must not be replaced. */
const OF_A_PART = /\.andvari-part(\.|$)/i;

/** Devices of Windows, whatever follows a dot. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\..*)?$/iu;
const CONTROL = /\p{Cc}/u;
/** Characters that make a text run the other way: `gpj.exe` can look like `exe.jpg`. */
const DIRECTION = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/u;
/** Windows takes none of these; with a colon a name leads to another drive, or to a stream. */
const FORBIDDEN = /[:*?"<>|]/;
const encoder = new TextEncoder();

/** What is wrong with the name of one file or folder; undefined: nothing. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (!name.isWellFormed()) return 'it is not Unicode text';
  const { length } = encoder.encode(name);
  if (length > NAME_BYTES_MAX) return `it has ${length} bytes, ${NAME_BYTES_MAX} at most`;
  if (CONTROL.test(name)) return 'it has a control character';
  if (DIRECTION.test(name)) return 'it has a character that turns the direction of the text';
  if (/[/\\]/.test(name)) return 'it has a slash';
  if (/^\.\.?$/.test(name)) return 'it leads elsewhere';
  if (FORBIDDEN.test(name)) return 'it has a character that some systems do not take';
  if (/[. ]$/.test(name)) return 'it ends with a dot or a space, which some systems leave out';
  if (DEVICE.test(name)) return 'it is the name of a device on some systems';
  if (OF_A_PART.test(name)) return `it is like one of a part: ${PART_SUFFIX}`;
  return undefined;
}

/** The same of a path in a tree: names with a slash between two. */
export function pathProblem(path: string): string | undefined {
  const names = path.split('/');
  if (names.length > PATH_DEPTH_MAX)
    return `it has ${names.length} parts, ${PATH_DEPTH_MAX} at most`;
  for (const name of names) {
    const problem = nameProblem(name);
    if (problem) return problem;
  }
  const { length } = encoder.encode(path);
  return length > PATH_BYTES_MAX ? `it has ${length} bytes, ${PATH_BYTES_MAX} at most` : undefined;
}

/** A file or a folder of a tree. */
export interface TreeEntry {
  path: string;
  isFolder: boolean;
}

/** Where the entries of a tree go: each name, folded, below that of its folder. */
interface Place {
  path: string;
  isFolder: boolean;
  inside: Map<string, Place>;
}

/**
 * The first two entries that cannot both be unpacked: one path twice, also where a system knows
 * no capital letters or writes accents in another way; or a file where another entry has a folder.
 * Undefined: there are none.
 */
export function collision(entries: readonly TreeEntry[]): [string, string] | undefined {
  const top = new Map<string, Place>();
  for (const entry of entries) {
    let inside = top;
    for (let end = 0; end < entry.path.length; end++) {
      const start = end;
      const slash = entry.path.indexOf('/', start);
      end = slash < 0 ? entry.path.length : slash;
      const path = entry.path.slice(0, end);
      const isFolder = slash >= 0 || entry.isFolder;
      const name = folded(entry.path.slice(start, end));
      const before = inside.get(name);
      // Folders may be named by many, in one way.
      const isSame = before?.isFolder && isFolder && before.path === path;
      if (before && !isSame) return [before.path, path];
      const place = before ?? { path, isFolder, inside: new Map<string, Place>() };
      if (!before) inside.set(name, place);
      inside = place.inside;
    }
  }
  return undefined;
}

/** By capital letters: so both small sigmas are one, and a sharp s is two. */
function folded(name: string): string {
  return name.normalize('NFC').toUpperCase().normalize('NFC');
}
