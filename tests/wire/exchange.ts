/** One request over a real socket. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

/** How long a reply may take, and silence where none is due. */
export const PATIENCE_MS = 60_000;
const SILENCE_MS = 250;
export const patienceFor = (due: Uint8Array | undefined) => (due ? PATIENCE_MS : SILENCE_MS);

/** The reply to a datagram; undefined: silence. */
async function askUdp(
  port: number,
  request: Uint8Array,
  patienceMs: number,
): Promise<Uint8Array | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
    return await new Promise((resolve) => {
      socket.once('message', resolve);
      socket.send(request);
      timer = setTimeout(() => resolve(undefined), patienceMs);
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/**
 * All bytes until the server closes; undefined: none within the time (the connection is then ended
 * from here).
 */
function exchangeTcp(
  port: number,
  pieces: readonly Uint8Array[],
  patienceMs: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    const silence = setTimeout(() => {
      socket.destroy();
      resolve(undefined);
    }, patienceMs);
    socket.once('error', reject);
    socket.on('data', (part) => parts.push(part));
    socket.once('end', () => {
      clearTimeout(silence);
      socket.end();
      resolve(Buffer.concat(parts));
    });
    socket.once('connect', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((done) => setTimeout(done, pieces.length > 1 ? 5 : 0));
      }
    });
  });
}

export const askTcp = (port: number, ...pieces: Uint8Array[]) =>
  exchangeTcp(port, pieces, PATIENCE_MS);

export function ask(
  transport: string,
  port: number,
  request: Uint8Array,
  patienceMs = PATIENCE_MS,
) {
  return transport === 'udp'
    ? askUdp(port, request, patienceMs)
    : exchangeTcp(port, [request], 4 * patienceMs);
}
