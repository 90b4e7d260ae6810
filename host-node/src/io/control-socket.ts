/**
 * How programs of the same user speak to a node that runs: a Unix socket of mode 0600. A program
 * connects, says one line of JSON, gets one line of JSON, and that is the end.
 */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A request or an answer is no longer; 1000 transfers have a place in it. */
const LINE_BYTES_MAX = 1 << 20;
/** So long either side waits for the other. */
const SILENCE_MS = 10_000;
/** At once; whoever comes besides waits until one is served. */
const CONNECTIONS_MAX = 16;
/** What the kernel takes, without the byte that ends it. */
const PATH_BYTES_MAX = 107;
const OWNER_ONLY = 0o600;
/** No bit for others, from the first moment on. */
const OTHERS_MASK = 0o177;

export type ControlErrorCode =
  /** A node has this socket. */
  | 'ANDVARI_CONTROL_IN_USE'
  /** Something is there that is no socket, or none can be made there. */
  | 'ANDVARI_CONTROL_SOCKET'
  /** No node has it. */
  | 'ANDVARI_CONTROL_NOBODY'
  /** What was said is nothing that can be done, or no answer. */
  | 'ANDVARI_CONTROL_PROTOCOL';

export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: ControlErrorCode;

  constructor(code: ControlErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** What a node answers; what it throws is told by its code and message. */
export type ControlHandler = (request: unknown) => Promise<object> | object;

export class ControlSocket {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  /**
   * Listens at the path; a socket that nobody has any more gives way.
   * @throws ControlError
   */
  static async open(path: string, handler: ControlHandler): Promise<ControlSocket> {
    checkPath(path);
    await makeRoom(path);
    const server = createServer({ allowHalfOpen: true });
    server.maxConnections = CONNECTIONS_MAX;
    const socket = new ControlSocket(path, server);
    server.on('connection', (one) => socket.#serve(one, handler));
    await listen(server, path);
    return socket;
  }

  /** Nobody is served any more, and the path is free. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(socket: Socket, handler: ControlHandler): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    void answer(socket, handler);
  }
}

async function answer(socket: Socket, handler: ControlHandler): Promise<void> {
  try {
    const request = await readLine(socket);
    socket.end(`${JSON.stringify(await answerOf(request, handler))}\n`);
  } catch {
    // Whoever asked has gone, or says no line.
    socket.destroy();
  }
}

async function answerOf(request: unknown, handler: ControlHandler): Promise<object> {
  try {
    return { ok: true, ...(await handler(request)) };
  } catch (error) {
    const { code = 'ANDVARI_INTERNAL', message } = error as Error & { code?: string };
    return { ok: false, code, message };
  }
}

/**
 * What the node at this path answers.
 * @throws ControlError; an Error with the code and message that it answers
 */
export async function askControl(path: string, request: object): Promise<Record<string, unknown>> {
  checkPath(path);
  const socket = connect({ path });
  try {
    await opened(socket, path);
    socket.end(`${JSON.stringify(request)}\n`);
    const reply = await readLine(socket);
    if (typeof reply !== 'object' || reply === null) throw new Error('no object');
    return checked(reply as Record<string, unknown>);
  } catch (error) {
    if (typeof (error as { code?: unknown }).code === 'string') throw error;
    const message = `${path}: no answer: ${(error as Error).message}`;
    throw new ControlError('ANDVARI_CONTROL_PROTOCOL', message, error);
  } finally {
    socket.destroy();
  }
}

function checked({ ok, ...reply }: Record<string, unknown>): Record<string, unknown> {
  if (ok === true) return reply;
  const { message, code } = reply;
  throw Object.assign(new Error(String(message)), { code: String(code) });
}

async function opened(socket: Socket, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('connect', resolve);
  socket.once('error', reject);
  try {
    await promise;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isNobody = code === 'ENOENT' || code === 'ECONNREFUSED';
    const why = isNobody ? 'no node runs with this socket' : message;
    const own = isNobody ? 'ANDVARI_CONTROL_NOBODY' : 'ANDVARI_CONTROL_SOCKET';
    throw new ControlError(own, `${path}: ${why}`, error);
  }
}

/** The line of JSON that the other side says. Rejects with Error: it says none in time. */
function readLine(socket: Socket): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  let text = '';
  socket.setEncoding('utf8');
  socket.setTimeout(SILENCE_MS, () => reject(new Error('it says nothing')));
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('it has hung up')));
  socket.on('data', (part: string) => {
    text += part;
    const end = text.indexOf('\n');
    if (end < 0 && text.length > LINE_BYTES_MAX) reject(new Error('it does not end its line'));
    if (end < 0) return;
    try {
      resolve(JSON.parse(text.slice(0, end)));
    } catch (error) {
      reject(error);
    }
  });
  return promise;
}

function checkPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= PATH_BYTES_MAX) return;
  const message = `${path}: a socket has a path of at most ${PATH_BYTES_MAX} bytes, got ${bytes}`;
  throw new ControlError('ANDVARI_CONTROL_SOCKET', message);
}

/** A socket whose node was killed stays; one that answers has a node. */
async function makeRoom(path: string): Promise<void> {
  const isSocket = lstatSync(path, { throwIfNoEntry: false })?.isSocket();
  if (isSocket === undefined) return;
  if (!isSocket) {
    throw new ControlError('ANDVARI_CONTROL_SOCKET', `${path} is there, and is no socket`);
  }
  const socket = connect({ path });
  try {
    await opened(socket, path);
  } catch (error) {
    if ((error as ControlError).code !== 'ANDVARI_CONTROL_NOBODY') throw error;
    unlinkSync(path);
    return;
  } finally {
    socket.destroy();
  }
  throw new ControlError('ANDVARI_CONTROL_IN_USE', `${path}: another node has this socket`);
}

async function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  // The name is there when listen() returns.
  const mask = process.umask(OTHERS_MASK);
  try {
    server.listen(path, resolve);
  } finally {
    process.umask(mask);
  }
  try {
    await promise;
    chmodSync(path, OWNER_ONLY);
  } catch (error) {
    const message = `${path}: no socket can be made: ${(error as Error).message}`;
    throw new ControlError('ANDVARI_CONTROL_SOCKET', message, error);
  }
}
