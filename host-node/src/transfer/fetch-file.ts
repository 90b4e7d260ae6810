/** One file or folder, fetched from all who have it at once. */
import { RejectCode } from '@andvari/host-common/transfer/files/file-records';
import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { FileTransferError, isLie } from '@andvari/host-common/transfer/files/file-transfer-error';
import type { InspectedFolder } from '@andvari/host-common/transfer/files/inspect-folder';
import type { FileEntry, TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import type { CalledSources, OfferedSource } from './called-sources.ts';
import { beginDownload, type Keeping } from './files/begin-download.ts';
import { type FetchSource, sourcesOf, usedBy } from './offered-sources.ts';

/** What all of them offer. */
export interface FetchOffer {
  /** As the first of them calls it. */
  name: string;
  /** Bytes, of a folder those of its list too. */
  size: number;
  /** BLAKE3, 32 bytes. */
  hash: Uint8Array;
  /** What is in a folder, verified; undefined: it is a file. */
  manifest: TreeManifest | undefined;
  /** Those that have offered it by now; others may join. */
  sources: FetchSource[];
}

export interface FetchPlace {
  /** The folder where it goes. */
  into: string;
  /** Asked once; without it, it is taken. */
  accept?: ((offer: FetchOffer) => boolean | Promise<boolean>) | undefined;
  /** Told of each file of a folder that has come whole. */
  onEntry?: ((file: FileEntry) => void) | undefined;
}

export interface Fetched {
  transfer: FileTransfer;
  /** Resolves behind the transfer, when all sources have heard how it ended. */
  over(): Promise<void>;
}

/**
 * Takes what the sources offer. Those that come later join, as those that were cut may.
 * @throws FileTransferError ANDVARI_TRANSFER_REFUSED: accept said no; what PartFile.open() does;
 * what IncomingFile.inspect() does of a folder that is none. Then all have been refused
 */
export async function fetchFrom(
  sources: CalledSources,
  { into: folder, accept, onEntry }: FetchPlace,
  keeping: Keeping,
): Promise<Fetched> {
  let code: number = RejectCode.REFUSED;
  try {
    const { first, inspected } = await inspectedBy(sources, keeping);
    if (accept && (await accept(offerOf(first, inspected, sources))) !== true) {
      throw new FileTransferError('ANDVARI_TRANSFER_REFUSED', 'not taken');
    }
    code = RejectCode.NO_PLACE;
    const taken = { file: first.file, inspected, folder, onEntry };
    const { download, transfer } = await beginDownload(taken, keeping);
    sources.useFor(usedBy(download));
    return { transfer, over: () => download.over() };
  } catch (error) {
    await sources.refuse(code);
    throw error;
  }
}

/** The list of a folder, from the first that has the right one. */
async function inspectedBy(
  sources: CalledSources,
  { hash }: Keeping,
): Promise<{ first: OfferedSource; inspected: InspectedFolder | undefined }> {
  let last: unknown;
  for (const first of sources.offers) {
    if (!first.file.offer.isFolder) return { first, inspected: undefined };
    try {
      return { first, inspected: await first.file.inspect(hash) };
    } catch (error) {
      last = error;
      sources.drop(first, error, isLie(error) ? RejectCode.INTEGRITY : RejectCode.PROTOCOL);
    }
  }
  throw last;
}

function offerOf(
  { file }: OfferedSource,
  inspected: InspectedFolder | undefined,
  sources: CalledSources,
): FetchOffer {
  const { name, size, hash } = file.offer;
  const manifest = inspected?.manifest;
  return { name, size, hash, manifest, sources: sourcesOf(sources.offers) };
}
