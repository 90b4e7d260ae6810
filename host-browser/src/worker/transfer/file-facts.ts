/** What is written beside the bytes of a file that has come, or a part of which has. */

const FACTS_BYTES_MAX = 4096;

export interface FileFacts {
  /** As its sender calls it. */
  name: string;
  size: number;
  /** BLAKE3, hex. */
  hash: string;
  isWhole: boolean;
}

/** undefined: they are none of ours. */
export function factsIn(text: string): FileFacts | undefined {
  if (text.length > FACTS_BYTES_MAX) return undefined;
  try {
    const { name, size, hash, isWhole } = JSON.parse(text) as Partial<FileFacts>;
    const isOurs = typeof name === 'string' && Number.isSafeInteger(size);
    if (!isOurs || typeof hash !== 'string') return undefined;
    return { name, size: size as number, hash, isWhole: isWhole === true };
  } catch {
    return undefined;
  }
}
