/** One request over a real socket. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

/** How long silence lasts before it counts. */
const SILENCE_MS = 250;

/** The reply to a datagram; undefined: silence. */
export async function askUdp(port: number, request: Uint8Array): Promise<Uint8Array | undefined> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
    return await new Promise((resolve) => {
      socket.once('message', resolve);
      socket.send(request);
      setTimeout(() => resolve(undefined), SILENCE_MS);
    });
  } finally {
    socket.close();
  }
}

/**
 * All bytes until the server closes; undefined: none within the time (the connection is then ended
 * from here).
 */
export function askTcp(port: number, ...pieces: Uint8Array[]): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    const silence = setTimeout(() => {
      socket.destroy();
      resolve(undefined);
    }, SILENCE_MS * 4);
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

export function ask(transport: string, port: number, request: Uint8Array) {
  return transport === 'udp' ? askUdp(port, request) : askTcp(port, request);
}
