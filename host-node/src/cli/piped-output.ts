/** Bytes of a file on standard output (`-o -`): what is told besides goes to stderr. */
import { write as writeAt } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { atPlace } from '../transfer/files/file-place-error.ts';
import type { CommandContext, CommandStream } from './command-context.ts';
import { InputError } from './wallet-input.ts';

const writeSome = promisify(writeAt);
const NAME = 'standard output';

type Output = Writable & { readonly fd: number };

/** @throws InputError: no program reads there */
export function outputFor({ stdout }: Pick<CommandContext, 'stdout'>): Output {
  if (!stdout.isTTY && isOutput(stdout)) return stdout;
  throw new InputError('-o -: bytes do not go to a terminal; wanted a pipe or a file');
}

function isOutput(stream: CommandStream): stream is CommandStream & Output {
  return stream instanceof Writable && 'fd' in stream && typeof stream.fd === 'number';
}

/**
 * Writes pieces at the pace of whoever reads; meanwhile the session lives on.
 * @returns false: the reader had enough (`| head`), and more is not wanted
 * @throws FilePlaceError; what the pieces end with; the signal's reason
 */
export async function pipeInto(
  output: Output,
  pieces: AsyncGenerator<Uint8Array, void>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for await (const piece of pieces) {
      await untilAborted(
        atPlace('write', NAME, () => writePiece(output, piece)),
        signal,
      );
    }
    return true;
  } catch (error) {
    const { cause } = error as { cause?: NodeJS.ErrnoException };
    if (cause?.code === 'EPIPE') return false;
    throw error;
  }
}

/** A reader that waits must not keep the user from ending it. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function writePiece(output: Output, piece: Uint8Array): Promise<void> {
  if (output instanceof Socket) {
    await new Promise<void>((resolve, reject) => {
      output.write(piece, (error) => (error ? reject(error) : resolve()));
    });
    return;
  }
  // Node writes to a file within the call, and once: what found no room would be lost.
  for (let done = 0; done < piece.length; ) {
    done += (await writeSome(output.fd, piece, done, piece.length - done, null)).bytesWritten;
  }
}
