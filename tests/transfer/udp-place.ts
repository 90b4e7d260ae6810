/** Endpoints over UDP for tests: made, carried over, and closed again. */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import { HOST_FRAMES, transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { identityOf } from '@andvari/host-common/transfer/identity';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import { whyNotBackend } from '@andvari/host-node/io/choose-backend';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';

/** The ways of datagrams that this machine has. */
export const udpBackends = (['portable', 'mmsg'] as const).filter(
  (backend) => whyNotBackend({ backend }) === '',
);

export const identity = (name: number) => identityOf(new Uint8Array(32).fill(name), nodeX25519);

const PIECE = new Uint8Array(65_536).map((_, i) => (i * 7 + (i >> 8) * 13) & 255);

/** How large an endpoint's engine is, and what else it is told. */
export interface EndpointSizes
  extends Omit<Partial<EndpointOptions>, 'engine' | 'transport' | 'identity' | 'x25519'> {
  sessions?: number;
  blocks?: number;
  /** For af_xdp. */
  nativeFrames?: number;
}

export class UdpPlace {
  private readonly opened: TransferEndpoint[] = [];

  /** `open`: runs what opens the socket, in a network namespace. */
  async endpoint(
    name: number,
    transport: DatagramTransport,
    { sessions = 8, blocks = 1024, nativeFrames = 0, ...more }: EndpointSizes = {},
    open: <T>(work: () => T) => T = (work) => work(),
  ): Promise<TransferEndpoint> {
    const module = await plainEngine();
    const sizes = transferSizes({ sessions, blocks }, nativeFrames);
    const hostFrames = HOST_FRAMES;
    const engine = Engine.create({ module, sizes, identity: CLIENT_IDENTITY, hostFrames });
    const options = { ...more, engine, transport, identity: identity(name), x25519: nodeX25519 };
    const one = await open(() => TransferEndpoint.open(options));
    this.opened.push(one);
    return one;
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((one) => one.close()));
  }
}

/** A session of endpoint 1 with endpoint 2, from both sides. */
export async function meet(
  caller: TransferEndpoint,
  called: TransferEndpoint,
  farEnd: Uint8Array,
): Promise<[TransferSession, TransferSession]> {
  const reader = called.incoming.getReader();
  const [ours, theirs] = await Promise.all([
    caller.connect(identity(2).peerId, farEnd),
    reader.read(),
  ]);
  reader.releaseLock();
  if (!theirs.value) throw new Error('the endpoint is closed');
  return [ours, theirs.value];
}

/** Writes `bytes` bytes to a new stream, until all of them have arrived. */
export async function write(session: TransferSession, bytes: number): Promise<void> {
  const stream = await session.openStream({ bidi: false });
  stream.done.catch(() => {}); // whoever waits here hears of it by the writer first
  const writer = stream.writable?.getWriter();
  for (let at = 0; at < bytes; at += PIECE.length) {
    await writer?.write(PIECE.subarray(0, Math.min(PIECE.length, bytes - at)));
  }
  await writer?.close();
  await stream.done;
}

/** Reads the next stream to its end; gives how many bytes came, and how many of them wrong. */
export async function read(session: TransferSession): Promise<{ bytes: number; wrong: number }> {
  const reader = session.incoming.getReader();
  const { value: stream } = await reader.read();
  reader.releaseLock();
  let [at, wrong] = [0, 0];
  for await (const bytes of stream?.readable ?? []) {
    for (const byte of bytes) if (byte !== PIECE[at++ % PIECE.length]) wrong++;
  }
  return { bytes: at, wrong };
}
