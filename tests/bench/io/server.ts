/**
 * Child of `npm run bench:io`, inside the namespace of the server: a bare node:dgram echo, or a
 * node with the backend that is named. Says `ready` on standard output; runs until it is ended.
 */
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend } from '@andvari/host-node/io/choose-backend';
import { createLogger } from '@andvari/host-node/log/logger';
import { AndvariNode } from '@andvari/host-node/node';
import { StoreClient } from '@andvari/host-node/store/store-client';
import { PAGES } from '../requests.ts';

const [kind = 'dgram', host = '', portText = '', storeUrl = 'memory:', workers = '1', nic = ''] =
  process.argv.slice(2);
const port = Number(portText);
const BUFFER_BYTES = 4 << 20;

async function bare(): Promise<void> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES });
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(port, host, resolve));
}

async function node(backend: Backend): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'andvari-bench-io-'));
  process.once('exit', () => rmSync(dataDir, { recursive: true }));
  await AndvariNode.start(
    {
      listen: { host, port },
      raidaId: 0,
      coinId: 6,
      wire: 'spec',
      modern: false,
      pagesPerDenomination: PAGES,
      storeUrl,
      dataDir,
      io: { backend, workers: Number(workers), ...(nic ? { interface: nic } : {}) },
    },
    { storeThread: new StoreClient(), logger: createLogger({ level: 'warn' }) },
  );
}

process.once('SIGTERM', () => process.exit(0));
if (kind === 'dgram') await bare();
else await node(kind as Backend);
console.log('ready');
