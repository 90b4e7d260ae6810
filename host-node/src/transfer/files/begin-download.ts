/** A file or a folder that begins to come, into a folder of this machine. */
import { FileDownload } from '@andvari/host-common/transfer/files/file-download';
import type { IncomingFile } from '@andvari/host-common/transfer/files/file-exchange';
import type { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import type { InspectedFolder } from '@andvari/host-common/transfer/files/inspect-folder';
import type { FileEntry } from '@andvari/host-common/transfer/files/tree-manifest';
import { PartFile } from './part-file.ts';
import { whenWhole } from './whole-files.ts';

/** What a node keeps parts of files with. */
export interface Keeping {
  /** Of this node alone, 32 bytes: what it keeps beside a part of a file is believed by it. */
  secret: Uint8Array;
  hash: FileHash;
}

/** What an offer is taken with. */
export interface Taken {
  file: IncomingFile;
  /** Of a folder: what is in it. */
  inspected: InspectedFolder | undefined;
  folder: string;
  /** Told of each file of a folder that has come whole. */
  onEntry?: ((file: FileEntry) => void) | undefined;
}

export interface Coming {
  download: FileDownload;
  transfer: FileTransfer;
}

/** It has no source yet. @throws what PartFile.open() does */
export async function beginDownload(
  { file, inspected, folder, onEntry }: Taken,
  { secret, hash }: Keeping,
): Promise<Coming> {
  const { offer, peerId, authenticationString, route } = file;
  const manifest = inspected?.manifest;
  const sink = await PartFile.open({ folder, offer, secret, hash, manifest });
  try {
    if (inspected && !sink.values) await sink.keepValues(inspected.values);
  } catch (error) {
    await sink.close();
    throw error;
  }
  const onChunk = manifest && onEntry && whenWhole(manifest, sink.have, onEntry);
  const download = new FileDownload({ offer, sink, hash, ...(onChunk && { onChunk }) });
  const of = { offer, peerId, authenticationString, route };
  const transfer = new FileTransfer(download, { ...of, path: folder, direction: 'receive' });
  return { download, transfer };
}
