/**
 * One stream over the loopback interface, by each way of datagrams: a process and a core for each
 * end. All of it counts: web streams, engine, sockets, kernel.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { whyNotBackend } from '../../../host-node/src/io/choose-backend.ts';
import { farEndOf } from '../../../host-node/src/transfer/socket-address.ts';
import { benchIdentity, openEnd, type Wanted } from './sockets-end.ts';

const PIECE = new Uint8Array(262_144).map((_, i) => (i * 7) >> 3);
const READER = fileURLToPath(new URL('./sockets-reader.ts', import.meta.url));
const ROUNDS = 3;

export interface SocketsRow extends Wanted {
  bytes: number;
  seconds: number;
  /** Of each end's process, while bytes came. */
  sendingCpuS: number;
  receivingCpuS: number;
  /** Packets of the sender for which the kernel was asked. */
  packets: number;
  /** The size that packets had at the end. */
  mtu: number;
}

/** Where the reader is, if it is not beside the sender. */
export interface Apart {
  namespace: string;
  wanted: Wanted;
}

export async function carryOnce(wanted: Wanted, bytes: number, apart?: Apart): Promise<SocketsRow> {
  const node = [process.execPath, READER, JSON.stringify(apart?.wanted ?? wanted)];
  const inside = apart ? ['ip', 'netns', 'exec', apart.namespace] : [];
  const [program = '', ...words] = [...inside, ...node];
  const reader = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(reader.stdout)[Symbol.asyncIterator]();
  const line = async () => String((await lines.next()).value);
  const port = Number(await line());
  const { transport, endpoint } = await openEnd(1, wanted, 0);
  const farEnd = farEndOf({ host: apart?.wanted.host ?? '127.0.0.1', port });
  const session = await endpoint.connect(benchIdentity(2).peerId, farEnd);
  const stream = await session.openStream({ bidi: false });
  const writer = stream.writable?.getWriter();
  const cpu = process.cpuUsage();
  for (let at = 0; at < bytes; at += PIECE.length) {
    await writer?.write(PIECE.subarray(0, Math.min(PIECE.length, bytes - at)));
  }
  await writer?.close();
  await stream.done;
  const { user, system } = process.cpuUsage(cpu);
  const got = JSON.parse(await line()) as { bytes: number; seconds: number; cpuSeconds: number };
  if (got.bytes !== bytes) throw new Error(`${got.bytes} of ${bytes} bytes arrived`);
  const mtu = session.statistics()?.MTU ?? 0;
  const row = {
    ...{ ...wanted, bytes, mtu, seconds: got.seconds, packets: transport.sent },
    ...{ sendingCpuS: (user + system) / 1e6, receivingCpuS: got.cpuSeconds },
  };
  await endpoint.close();
  return row;
}

/** The best of ROUNDS, which take turns: other programs only take time away. */
export async function benchSockets(megabytes: number): Promise<SocketsRow[]> {
  const ways: Wanted[] = [
    { backend: 'portable', most: 1252 },
    { backend: 'mmsg', most: 1252 },
    // Node cannot forbid fragments, so it never sends so much by itself: for comparison.
    { backend: 'portable', most: 1472 },
    { backend: 'mmsg', most: 1472 },
    { backend: 'mmsg', most: 8972 },
  ];
  const there = ways.filter(
    ({ backend }) => backend === 'portable' || whyNotBackend({ backend: 'mmsg' }) === '',
  );
  const best: (SocketsRow | undefined)[] = there.map(() => undefined);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, wanted] of there.entries()) {
      const row = await carryOnce(wanted, megabytes * 1e6);
      if (row.seconds < (best[i]?.seconds ?? Number.POSITIVE_INFINITY)) best[i] = row;
    }
  }
  return best.filter((row) => row !== undefined);
}
