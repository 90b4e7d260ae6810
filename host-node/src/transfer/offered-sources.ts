/** Those who offer one file, as an application is told of them, and as what is asked of chunks. */
import type { Way } from '@andvari/host-common/transfer/far-end';
import type { RecordStream } from '@andvari/host-common/transfer/files/record-stream';
import type { OfferedSource, SourceUser } from './called-sources.ts';

/** Who offers what is fetched or opened. */
export interface FetchSource {
  /** An Ed25519 key, 32 bytes. */
  peerId: Uint8Array;
  way: Way;
  /** Of the session, for two people to compare. */
  authenticationString: string;
}

/** What asks sources: a FileDownload or a RemoteFile. */
interface Asking {
  add(stream: RecordStream, name: string): void;
  expectSource(): () => void;
  miss(name: string, error: unknown): void;
}

export function sourcesOf(offers: readonly OfferedSource[]): FetchSource[] {
  return offers.map(({ file: { peerId, way, authenticationString } }) => {
    return { peerId, way, authenticationString };
  });
}

/** It waits for those that are still called. */
export function usedBy(asking: Asking): SourceUser {
  const over = asking.expectSource();
  return {
    add: (file, name) => {
      try {
        asking.add(file.take(), name);
      } catch {
        // It has ended meanwhile; the source has been told.
      }
    },
    missed: (name, error) => asking.miss(name, error),
    over,
  };
}
