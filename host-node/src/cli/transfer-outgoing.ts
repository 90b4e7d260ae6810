/** A file or folder that goes to one peer, until it is there. */
import type { FileSender, SentFile } from '@andvari/host-common/transfer/files/file-sender';
import { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import type { CommandContext } from './command-context.ts';
import { showTransfer, tellResult } from './transfer-progress.ts';

/** Shows it, and tells how it went; Ctrl-C gives it up. Rejects with what ended it. */
export async function untilSent(
  sender: FileSender,
  { file, path }: { file: SentFile; path: string },
  options: { json?: boolean },
  context: CommandContext,
): Promise<void> {
  const stop = () => void sender.cancel();
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    const transfer = new FileTransfer(sender, { offer: file.offer, path, direction: 'send' });
    await showTransfer(transfer, options, context);
    tellResult('sent', await transfer.completion, options, context);
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  } finally {
    context.signal.removeEventListener('abort', stop);
  }
}
