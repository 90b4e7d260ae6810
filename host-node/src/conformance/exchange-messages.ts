/** Requests over one WebSocket, a binary message each, in bounded time. */
import { WebSocket } from 'ws';
import type { ExchangeOptions, Received, Target } from './target.ts';

/** Of a close without a code, and of one that the socket tells of itself (RFC 6455, 7.4.1). */
const NO_STATUS = 1005;
const ABNORMAL = 1006;

type Options = ExchangeOptions & { bytesMax: number };

/**
 * Sends the pieces, a message each, and collects what comes until it is as much as is wanted, or
 * the server closes, or the time is over. Never throws.
 */
export async function exchangeMessages(
  { url = '', ca }: Target,
  pieces: readonly Uint8Array[],
  { timeoutMs, signal, wanted, messagesMax, bytesMax, isText = false }: Options,
): Promise<Received> {
  const { promise, resolve } = Promise.withResolvers<Omit<Received, 'bytes'>>();
  const socket = new WebSocket(url, {
    ...{ maxPayload: bytesMax, perMessageDeflate: false, handshakeTimeout: timeoutMs },
    ...(ca === undefined ? {} : { ca }),
  });
  const messages: Buffer[] = [];
  let bytes = 0;
  let due: number | undefined;
  const stop = () => resolve({ closed: false, problem: 'interrupted' });
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => {
    const isUnfinished = wanted !== undefined && bytes > 0;
    resolve({ closed: false, ...(isUnfinished ? { fault: 'unfinished' } : {}) });
  }, timeoutMs);
  socket.on('message', (data) => {
    messages.push(data as Buffer);
    bytes += (data as Buffer).length;
    due ??= wanted?.(Buffer.concat(messages));
    if (bytes > bytesMax) resolve({ closed: false, fault: 'overlong' });
    else if (due !== undefined && bytes >= due) resolve({ closed: false });
    else if (messages.length === messagesMax) resolve({ closed: false });
  });
  socket.on('close', (code) => {
    const closed = code !== ABNORMAL;
    resolve({ closed, ...(closed && code !== NO_STATUS ? { closeCode: code } : {}) });
  });
  socket.on('error', ({ message, code }: Error & { code?: string }) => {
    const isLong = code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    resolve({ closed: false, ...(isLong ? { fault: 'overlong' } : { problem: message }) });
  });
  socket.on('open', () => {
    for (const piece of pieces) socket.send(piece, { binary: !isText }, () => {});
  });
  if (signal.aborted) stop();
  const ended = await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
  socket.terminate();
  return { ...ended, messages, bytes: Buffer.concat(messages).subarray(0, bytesMax) };
}
