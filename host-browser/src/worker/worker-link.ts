import { MessageClient } from './message-client.ts';
import { WorkerFailure } from './messages.ts';

/** The page's hold on its worker. */
export interface WorkerLink {
  readonly client: MessageClient;
  /** End the worker at once: its memory, with the key and every coin in it, is gone. */
  end(): void;
}

/** Start a fresh worker. When it breaks, every call under way fails and `onBreak` is told. */
export function startWorker(onBreak: (failure: WorkerFailure) => void): WorkerLink {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    type: 'module',
    name: 'andvari-wallet',
  });
  const client = new MessageClient(worker);
  worker.addEventListener('error', (event) => {
    // No detail goes on: a message could quote what the worker was working on.
    event.preventDefault();
    const text =
      'The wallet stopped unexpectedly. Reload the page; nothing that was saved is lost.';
    const failure = new WorkerFailure('ANDVARI_WORKER_ENDED', text);
    client.fail(failure);
    onBreak(failure);
  });
  return {
    client,
    end() {
      worker.terminate();
      client.fail(new WorkerFailure('ANDVARI_WORKER_ENDED', 'The wallet was locked.'));
    },
  };
}
