/** Group Filesystem (reference: RAIDA section 9): files of a server, with its admin key. */
import { Status } from '../../engine/generated/status.ts';
import type { Asker, AskOptions } from '../asker.ts';
import { AN_BYTES } from '../coin.ts';
import { FieldWriter, want16 } from '../fields.ts';
import { type Command, readNothing, type ServerOutcome } from '../outcome.ts';
import { textBytes } from './trade.ts';

/** The path of a file as POSIX systems bound it. */
const PATH_BYTES = { min: 1, max: 4095 } as const;
const SIZE_BYTES = 4;

/** Who asks, and for which file, relative to the server's folder. */
export interface ServerFile {
  adminKey: Uint8Array;
  path: string;
}

function named({ adminKey, path }: ServerFile): Uint8Array<ArrayBuffer> {
  const text = textBytes(path, 'path', PATH_BYTES);
  // Public servers want the NUL; ours take the path with or without it.
  const writer = new FieldWriter(AN_BYTES + text.length + 1).block(want16(adminKey, 'admin key'));
  return writer.block(text).u8(0).bytes;
}

const put = ({ adminKey, path }: ServerFile, content: Uint8Array): Command<true> => ({
  group: 13,
  command: 134,
  payload: () => {
    const text = textBytes(path, 'path', PATH_BYTES);
    const writer = new FieldWriter(AN_BYTES + SIZE_BYTES + text.length + 1 + content.length);
    writer.block(want16(adminKey, 'admin key')).u32BE(content.length);
    return writer.block(text).u8(0).block(content).bytes;
  },
  good: [Status.SUCCESS],
  read: readNothing,
});

const get = (file: ServerFile): Command<Uint8Array> => ({
  group: 13,
  command: 135,
  payload: () => named(file),
  good: [Status.SUCCESS],
  read: ({ payload }) => payload,
});

const remove = (file: ServerFile): Command<true> => ({
  group: 13,
  command: 136,
  payload: () => named(file),
  good: [Status.SUCCESS],
  read: readNothing,
});

export class FilesystemCommands {
  private readonly asker: Asker;

  constructor(asker: Asker) {
    this.asker = asker;
  }

  /** Writes a file (13/134): at most 65 KB with its path. Its folder must be there. */
  put(
    file: ServerFile,
    content: Uint8Array,
    options?: AskOptions<true>,
  ): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(put(file, content), options);
  }

  /** Reads a file (13/135). */
  get(file: ServerFile, options?: AskOptions<Uint8Array>): Promise<ServerOutcome<Uint8Array>[]> {
    return this.asker.askEach(get(file), options);
  }

  /** Removes a file (13/136). */
  remove(file: ServerFile, options?: AskOptions<true>): Promise<ServerOutcome<true>[]> {
    return this.asker.askEach(remove(file), options);
  }
}
