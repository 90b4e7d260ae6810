/** One request over a real socket, in bounded time, whatever the server does. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { exchangeMessages } from './exchange-messages.ts';
import type { ExchangeOptions, Received, Target } from './target.ts';

/** No reply is longer, whatever was asked (whole files). */
const BYTES_MAX = 2 * 1024 * 1024;
/** Pause between pieces of a request, so that they leave as segments of their own. */
const PIECE_PAUSE_MS = 20;

/** Sends the pieces, a datagram or message each, and collects the answer. Never throws. */
export function exchange(
  target: Target,
  pieces: readonly Uint8Array[],
  options: ExchangeOptions,
): Promise<Received> {
  if (target.transport === 'udp') return exchangeDatagram(target, pieces, options);
  const limited = { bytesMax: BYTES_MAX, ...options };
  return target.transport === 'ws'
    ? exchangeMessages(target, pieces, limited)
    : exchangeStream(target, pieces, options);
}

async function exchangeDatagram(
  { host, port }: Target,
  pieces: readonly Uint8Array[],
  { timeoutMs, signal, retransmissions = 0, bytesMax = BYTES_MAX }: ExchangeOptions,
): Promise<Received> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const timers: NodeJS.Timeout[] = [];
  const { promise, resolve } = Promise.withResolvers<Received>();
  const end = (problem?: string) =>
    resolve({ bytes: Buffer.alloc(0), closed: false, ...(problem ? { problem } : {}) });
  const stop = () => end('interrupted');
  signal.addEventListener('abort', stop, { once: true });
  timers.push(setTimeout(() => end(), timeoutMs));
  socket.on('message', (message) => resolve(received([message], bytesMax)));
  socket.on('error', (error) => end(error.message));
  socket.connect(port, host, (error?: Error) => {
    // A name that nobody knows is told here, and not by an error event.
    if (error) {
      end(error.message);
      return;
    }
    // A refused datagram is told by the next call; that is an error event as well.
    const send = () => {
      for (const piece of pieces) socket.send(piece, () => {});
    };
    send();
    for (let i = 1; i <= retransmissions; i++) {
      timers.push(setTimeout(send, (timeoutMs * i) / (retransmissions + 1)));
    }
  });
  if (signal.aborted) stop();
  const ended = await promise;
  for (const timer of timers) clearTimeout(timer);
  signal.removeEventListener('abort', stop);
  socket.close();
  return ended;
}

async function exchangeStream(
  { host, port }: Target,
  pieces: readonly Uint8Array[],
  { timeoutMs, signal, wanted, bytesMax = BYTES_MAX }: ExchangeOptions,
): Promise<Received> {
  const { promise, resolve } = Promise.withResolvers<Omit<Received, 'bytes'>>();
  const parts: Buffer[] = [];
  let bytes = 0;
  let due: number | undefined;
  const socket = connect({ host, port, noDelay: true });
  const stop = () => resolve({ closed: false, problem: 'interrupted' });
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(() => {
    const isUnfinished = wanted !== undefined && bytes > 0;
    resolve({ closed: false, ...(isUnfinished ? { fault: 'unfinished' } : {}) });
  }, timeoutMs);
  socket.on('data', (part) => {
    parts.push(part);
    bytes += part.length;
    due ??= wanted?.(Buffer.concat(parts));
    if (bytes > bytesMax || (due !== undefined && bytes >= due)) resolve({ closed: false });
  });
  socket.on('end', () => resolve({ closed: true }));
  socket.on('error', (error) => resolve({ closed: false, problem: error.message }));
  socket.on('connect', () => void writePieces(socket, pieces));
  if (signal.aborted) stop();
  const ended = await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
  socket.destroy();
  return { ...ended, ...received(parts, bytesMax), closed: ended.closed };
}

/** A copy of the first `bytesMax` bytes, so that no more than these are kept. */
function received(parts: readonly Buffer[], bytesMax: number): Received {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes <= bytesMax) return { bytes: Buffer.concat(parts), closed: false };
  return { bytes: Buffer.concat(parts, bytesMax), closed: false, fault: 'overlong' };
}

async function writePieces(socket: Socket, pieces: readonly Uint8Array[]): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, PIECE_PAUSE_MS));
    if (socket.destroyed) return;
    socket.write(piece);
  }
}
