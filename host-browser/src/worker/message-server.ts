import type { MessageEnd, Method, Params, Progress, Result, ToPage, ToWorker } from './messages.ts';

/** What a handler gets besides its parameters. */
export interface HandlerContext<M extends Method> {
  /** Aborted when the page cancels. The handler decides what stopping means and still answers. */
  readonly signal: AbortSignal;
  progress(progress: Progress<M>): void;
}

export type Handlers = {
  [M in Method]: (params: Params<M>, context: HandlerContext<M>) => Promise<Result<M>>;
};

type AnyHandler = (params: unknown, context: HandlerContext<Method>) => Promise<unknown>;

/**
 * The worker's end of the protocol: answer each request with exactly one result or failure.
 * An error that carries a string `code` goes to the page as it is (its message is written for
 * users); anything else is a fault of ours, and the page is told no more than that.
 */
export function serveMessages(end: MessageEnd, handlers: Handlers): void {
  const running = new Map<number, AbortController>();
  const send = (message: ToPage) => end.postMessage(message, []);

  async function answer(id: number, method: Method, params: unknown): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    const context = {
      signal: controller.signal,
      progress: (progress: unknown) => send({ kind: 'progress', id, progress }),
    };
    try {
      if (!Object.hasOwn(handlers, method)) throw new TypeError(`no method ${method}`);
      const value = await (handlers[method] as AnyHandler)(params, context);
      send({ kind: 'result', id, value });
    } catch (error) {
      send({ kind: 'failure', id, ...failureOf(error) });
    } finally {
      running.delete(id);
    }
  }

  end.addEventListener('message', (event) => {
    const message = event.data as ToWorker;
    if (message.kind === 'cancel') running.get(message.id)?.abort();
    else void answer(message.id, message.method, message.params);
  });
  send({ kind: 'ready' });
}

function failureOf(error: unknown): { code: string; message: string } {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  if (error instanceof Error && typeof code === 'string' && code.startsWith('ANDVARI_')) {
    // "Could not be saved" helps nobody; the storage's own sentence does.
    if (code === 'ANDVARI_WALLET_STORE' && error.cause) return failureOf(error.cause);
    return { code, message: sentence(error.message) };
  }
  const name = error instanceof Error ? error.name : typeof error;
  return { code: 'ANDVARI_INTERNAL', message: `Something broke inside the wallet (${name}).` };
}

/** Library messages start small and end bare; the page shows whole sentences. */
function sentence(message: string): string {
  // A first word of letters alone is no file name, whose case is its owner's.
  const whole = /^[a-z]+ /.test(message) ? message[0]?.toUpperCase() + message.slice(1) : message;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
