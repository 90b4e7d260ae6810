/** Files on a session: what we offer, and what the peer offers us. */

import type { TransferSession } from '../transfer-session.ts';
import type { TransferStream } from '../transfer-stream.ts';
import type { Route } from '../upgrade/upgrade-state.ts';
import type { FileHash } from './file-hash.ts';
import { decodeFileOffer, encodeFileOffer, type FileOffer } from './file-offer.ts';
import { encodeRecord, RecordType } from './file-records.ts';
import { FileSender, type SentFile } from './file-sender.ts';
import { type InspectedFolder, inspectFolder } from './inspect-folder.ts';
import { duplexOf, RecordStream } from './record-stream.ts';

/**
 * Offers a file to the peer; nothing of it goes before the peer takes it. The session is kept alive
 * from now on. Where the offer says so, it goes compressed, if the session compresses.
 * @throws what openStream() does
 */
export async function offerFile(session: TransferSession, file: SentFile): Promise<FileSender> {
  // Whoever is asked may take his time.
  session.keepalive(true);
  const compressed = file.offer.compressed && session.compresses;
  const metadata = encodeFileOffer({ ...file.offer, compressed });
  const stream = await session.openStream({ metadata, compress: compressed });
  return new FileSender(file, duplexOf(stream));
}

/** A file that a peer offers; it waits until it is taken or refused. */
export class IncomingFile {
  readonly offer: FileOffer;
  /** Who offers it: an Ed25519 key. */
  readonly peerId: Uint8Array;
  /** Of the session on which it is offered. */
  readonly authenticationString: string;
  /** How it comes: the session. */
  readonly route: Route;
  private readonly records: RecordStream;
  private isOpen = true;

  constructor(offer: FileOffer, session: TransferSession, records: RecordStream) {
    this.offer = offer;
    this.peerId = session.peerId;
    this.authenticationString = session.authenticationString;
    this.route = session;
    this.records = records;
  }

  get way(): Route['way'] {
    return this.route.way;
  }

  /** What is in a folder; once. Rejects with what inspectFolder() does. */
  inspect(hash: FileHash): Promise<InspectedFolder> {
    return inspectFolder(this.records, this.offer, hash);
  }

  /** What it comes by, for a FileDownload. Throws Error when that was given before. */
  take(): RecordStream {
    if (!this.isOpen) throw new Error('the offer has been taken or refused');
    this.isOpen = false;
    return this.records;
  }

  /** Tells the sender, for a RejectCode; nothing happens when it was taken before. */
  async refuse(code: number): Promise<void> {
    if (!this.isOpen) return;
    const records = this.take();
    records.stopReading();
    try {
      await records.write(encodeRecord({ type: RecordType.REJECT, code }));
      await records.finish();
      await records.over();
    } catch {
      // The sender is gone.
    }
  }
}

/**
 * The files that a peer offers, until the session ends. A stream that offers none is given up.
 * Nobody else may take the session's streams.
 */
export async function* incomingFiles(session: TransferSession): AsyncGenerator<IncomingFile> {
  const reader = session.incoming.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const file = fileOf(next.value, session);
      if (file) yield file;
    }
  } finally {
    reader.releaseLock();
  }
}

function fileOf(stream: TransferStream, session: TransferSession): IncomingFile | undefined {
  try {
    return new IncomingFile(
      decodeFileOffer(stream.metadata),
      session,
      new RecordStream(duplexOf(stream)),
    );
  } catch (error) {
    // No offer, or one that nobody can keep.
    stream.readable?.cancel(error).catch(() => {});
    stream.writable?.abort(error).catch(() => {});
    return undefined;
  }
}
