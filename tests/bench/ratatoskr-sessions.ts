/** What 10,000 idle sessions cost the process of the endpoint, in clear and with TLS. */
import { spawnSync } from 'node:child_process';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { PinnedServer } from './pinned-server.ts';
import { DEVICES, openPeer, openRatatoskrSession, type Peer } from './ratatoskr-peers.ts';

export interface SessionsRow {
  name: string;
  perSecond: number;
  beforeMiB: number;
  /** The most that was seen while they came. */
  peakMiB: number;
  /** When all have been there for some seconds. */
  idleMiB: number;
}

const SESSIONS = 10_000;
/** Below the handshakes that the listener takes at once. */
const AT_ONCE = 16;
const SETTLE_MS = 10_000;
const FILES = 12_000;
/** Sessions of one source address. */
const PER_ADDRESS = 1000;
const MIB = 1 << 20;

async function open(kind: 'served' | 'served-tls', codec: RatatoskrCodec): Promise<SessionsRow> {
  const server = await PinnedServer.start(kind);
  const transport = kind === 'served' ? 'plain' : 'tls';
  const port = server.ports[transport] as number;
  const beforeMiB = (await server.usage()).rssBytes / MIB;
  const peers: Peer[] = [];
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < SESSIONS; i = next++) {
      const source = `127.0.0.${2 + Math.floor(i / PER_ADDRESS)}`;
      const peer = await openPeer(transport, port, source);
      await openRatatoskrSession(codec, peer, DEVICES[i % DEVICES.length] as string);
      peers.push(peer);
    }
  };
  let peakMiB = beforeMiB;
  const look = setInterval(async () => {
    peakMiB = Math.max(peakMiB, (await server.usage()).rssBytes / MIB);
  }, 500);
  const start = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const perSecond = SESSIONS / ((performance.now() - start) / 1000);
  clearInterval(look);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const idleMiB = (await server.usage()).rssBytes / MIB;
  peakMiB = Math.max(peakMiB, idleMiB);
  for (const peer of peers) peer.close();
  server.close();
  const name = `${SESSIONS} idle sessions, ${kind === 'served' ? 'in clear' : 'TLS'}`;
  return { name, perSecond, beforeMiB, peakMiB, idleMiB };
}

/** Undefined: the system does not let a process have as many files open. */
export async function benchRatatoskrSessions(): Promise<SessionsRow[] | undefined> {
  // Children take it over. Beyond the hard limit only root may go.
  const limit = ['--pid', `${process.pid}`, `--nofile=${FILES}:`];
  if (spawnSync('prlimit', limit).status !== 0) return undefined;
  const codec = RatatoskrCodec.create({ module: await plainEngine() });
  return [await open('served', codec), await open('served-tls', codec)];
}
