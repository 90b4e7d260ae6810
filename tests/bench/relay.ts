/**
 * What a relay costs beside socat, which passes bytes on and knows nothing of them: both as
 * processes on one core, so many bytes through each, and the processor time that it took; then
 * clients that say little, for how many a core has room.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { TRANSFER_PACKET_BYTES_MAX } from '@andvari/host-common/engine/generated/limits';
import { RelayClient } from '@andvari/host-common/transfer/relay/relay-client';
import { ChildProgram } from '@andvari/host-node/cli/child-program';
import { WsRelay } from '@andvari/host-node/transfer/relay/ws-relay';
import { keptPorts } from '../ports.ts';
import { peerId, signer } from '../transfer/relay/relay-place.ts';
import { Core } from './pinned-process.ts';

const HOST = '127.0.0.1';
const PIN = ['taskset', '-c', Core.server];
const GIB = 2 ** 30;
const BYTES = 256 * 2 ** 20;
/** The usual path's, and the largest, which sessions at a relay alone find. */
const PACKETS = [1472, TRANSFER_PACKET_BYTES_MAX];
/** /proc says processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;
const UNDER_WAY_BYTES = 192 * 1024;
const PAIRS = 150;
const QUIET_SECONDS = 8;
const WORD_BYTES = 100;

export interface RelayRow {
  name: string;
  /** Seconds of processor time for a GiB; of the last row for a client's word a second. */
  cpuSeconds: number;
  isClient?: true;
  /** socat's to ours. */
  ratio?: number;
}

/** Undefined: there is no socat here, or no taskset. */
export async function benchRelay(): Promise<RelayRow[] | undefined> {
  const hasBoth = ['socat', 'taskset'].every((name) => !spawnSync(name, ['-V']).error);
  if (!hasBoth) return undefined;
  const rows: RelayRow[] = [];
  const socat = await socatSeconds([]);
  rows.push({ name: 'socat, blocks of 8 KiB', cpuSeconds: socat });
  rows.push({ name: 'socat, blocks of 64 KiB', cpuSeconds: await socatSeconds(['-b', '65536']) });
  for (const [name, words] of [
    ['the relay in clear', ['--plain']],
    ['the relay over TLS', []],
  ] as const) {
    for (const packetBytes of PACKETS) {
      const cpuSeconds = await relaySeconds(words, packetBytes);
      const ratio = socat / cpuSeconds;
      rows.push({ name: `${name}, packets of ${packetBytes}`, cpuSeconds, ratio });
    }
  }
  const name = `${2 * PAIRS} clients over TLS, a packet of ${WORD_BYTES} a second each`;
  rows.push({ name, cpuSeconds: await quietSeconds(), isClient: true });
  return rows;
}

/** Of user and system, all threads. */
function cpuOf({ pid }: ChildProcess): number {
  const [, after = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) /);
  const fields = after.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function socatSeconds(more: string[]): Promise<number> {
  let got = 0;
  const done = Promise.withResolvers<void>();
  const sink = createServer((socket) =>
    socket.on('data', ({ length }) => {
      got += length;
      if (got >= BYTES) done.resolve();
    }),
  );
  sink.listen(0, HOST);
  await once(sink, 'listening');
  const { port: to } = sink.address() as { port: number };
  const at = await keptPorts();
  const places = [`TCP-LISTEN:${at},bind=${HOST},reuseaddr`, `TCP:${HOST}:${to}`];
  const [command = '', ...words] = [...PIN, 'socat', ...more, ...places];
  const child = spawn(command, words, { stdio: 'ignore' });
  const source = await connected(at);
  const before = cpuOf(child);
  const block = Buffer.alloc(64 * 1024);
  for (let sent = 0; sent < BYTES; sent += block.length) {
    if (!source.write(block)) await once(source, 'drain');
  }
  await done.promise;
  const seconds = cpuOf(child) - before;
  source.destroy();
  sink.close();
  child.kill();
  return (seconds * GIB) / BYTES;
}

async function connected(port: number): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const socket = connect(port, HOST);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function startRelay(words: readonly string[]) {
  const all = ['relay', '--json', '--listen', `${HOST}:0`, '--rate', '10000000000', ...words];
  const program = new ChildProgram(all, undefined, {}, PIN);
  const ready = await program.event('ready');
  const [url = ''] = ready['urls'] as string[];
  const hashes = ready['certificateHashes'] as string[];
  const certificateHashes = hashes.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
  const join = async (name: number, packet: (bytes: number) => void = () => {}) => {
    const transport = new WsRelay({ url, certificateHashes });
    const options = { transport, peerId: peerId(name), signer: await signer(name) };
    const client = new RelayClient(options, { packet: (_, { length }) => packet(length) });
    await client.open();
    return client;
  };
  const stop = async (clients: RelayClient[]) => {
    for (const client of clients) client.close();
    program.child.kill('SIGINT');
    await program.ended;
  };
  return { program, join, stop };
}

/** With no more under way than a relay holds for a receiver: nothing is lost. */
async function relaySeconds(words: readonly string[], packetBytes: number): Promise<number> {
  const { program, join, stop } = await startRelay(words);
  let got = 0;
  const done = Promise.withResolvers<void>();
  const receiver = await join(2, (bytes) => {
    got += bytes;
    if (got >= BYTES) done.resolve();
  });
  const sender = await join(1);
  const [to, packet] = [peerId(2), new Uint8Array(packetBytes)];
  const before = cpuOf(program.child);
  for (let sent = 0; got < BYTES; ) {
    // As an endpoint sends: some packets in one turn.
    for (let i = 0; i < 32 && sent - got < UNDER_WAY_BYTES && sender.send(to, packet); i++) {
      sent += packetBytes;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done.promise;
  const seconds = cpuOf(program.child) - before;
  await stop([sender, receiver]);
  return (seconds * GIB) / got;
}

/** Of one client and second. */
async function quietSeconds(): Promise<number> {
  const { program, join, stop } = await startRelay([]);
  const clients: RelayClient[] = [];
  for (let name = 1; name <= 2 * PAIRS; name++) clients.push(await join(name));
  const word = new Uint8Array(WORD_BYTES);
  const [before, startMs] = [cpuOf(program.child), performance.now()];
  for (let second = 0; second < QUIET_SECONDS; second++) {
    for (const [i, client] of clients.entries()) {
      client.send(peerId((i ^ 1) + 1), word);
      // Not all at once.
      if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const restMs = startMs + (second + 1) * 1000 - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, restMs)));
  }
  const seconds = cpuOf(program.child) - before;
  await stop(clients);
  return seconds / (clients.length * QUIET_SECONDS);
}
