/** What a command sends: a file or a folder, hashed, as its receiver is offered it. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import { nameProblem } from '@andvari/host-common/transfer/files/file-names';
import { FileOfferError } from '@andvari/host-common/transfer/files/file-offer';
import { hashFile, type SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { atPlace } from '../transfer/files/file-place-error.ts';
import { NodeFileSource } from '../transfer/files/node-file-source.ts';
import { type LeftOut, TreeSource } from '../transfer/files/tree-source.ts';

/** @throws FilePlaceError, NotAFileError, TreeManifestError; FileOfferError: its own name */
export async function openSource(
  path: string,
  signal: AbortSignal,
): Promise<NodeFileSource | TreeSource> {
  const isFolder = (await atPlace('read', path, () => stat(path))).isDirectory();
  const name = nameOf(path);
  const problem = nameProblem(name);
  if (problem) throw new FileOfferError(`the name ${JSON.stringify(name)}: ${problem}`);
  return isFolder ? TreeSource.open(path, signal) : NodeFileSource.open(path);
}

function nameOf(path: string): string {
  return basename(resolve(path));
}

/** What of it does not travel. */
export function leftOutOf(source: NodeFileSource | TreeSource): readonly LeftOut[] {
  return source instanceof TreeSource ? source.leftOut : [];
}

const NOBODY = new Uint8Array(0);

/** Reads it whole. The same to the same peer, or to nobody known, has the same transfer id. */
export async function prepareSource(
  source: NodeFileSource | TreeSource,
  peerId: Uint8Array | undefined,
  signal: AbortSignal,
): Promise<SentFile> {
  const { hash, values } = await hashFile(source, FileHash.create(await plainEngine()), { signal });
  const id = createHash('sha256')
    .update('andvari-transfer-id')
    .update(peerId ?? NOBODY)
    .update(hash);
  const { size, mode, modifiedUs } = source;
  const isFolder = source instanceof TreeSource;
  const offer = {
    ...{ transferId: id.digest(), name: nameOf(source.path), size, hash },
    ...{ mode, modifiedUs, compressed: false, isFolder },
  };
  return { offer, source, values };
}
