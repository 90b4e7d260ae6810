/**
 * Child of the benches over sockets: `bare` answers each datagram by a bare node:dgram echo,
 * `andvari` by a RAIDA server. Sends its port, and then for any message how many transactions its
 * store has committed.
 */
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PortableIo } from '@andvari/host-node/io/portable';
import { openOutsideWorld } from '@andvari/host-node/raida/outside-world';
import { RaidaServer } from '@andvari/host-node/raida/server';
import { StoreClient } from '@andvari/host-node/store/store-client';
import { PAGES } from './requests.ts';

const [kind = 'bare', storeUrl = 'memory:'] = process.argv.slice(2);
let commits = 0;

async function bare(): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}

/** The store thread, with every commit counted. */
class CountingStore extends StoreClient {
  override open(...[options, events]: Parameters<StoreClient['open']>) {
    const committed = (position: bigint) => {
      commits++;
      events.committed(position);
    };
    return super.open(options, { ...events, committed });
  }
}

async function andvari(): Promise<number> {
  const identity = { raidaId: 0, coinId: 6, wire: 'spec', version: '20261121' } as const;
  const dataDir = mkdtempSync(join(tmpdir(), 'andvari-bench-server-'));
  process.once('exit', () => rmSync(dataDir, { recursive: true }));
  const server = await RaidaServer.start({
    identity,
    sizes: { pagesPerDenomination: PAGES, frames: 2048 },
    storeClient: new CountingStore(),
    storeUrl,
    outside: await openOutsideWorld({ ...identity, dataDir }),
  });
  const io = new PortableIo();
  return (await io.open({ host: '127.0.0.1', port: 0 }, server)).port;
}

process.send?.(kind === 'bare' ? await bare() : await andvari());
process.on('message', () => process.send?.(commits));
process.once('disconnect', () => process.exit(0));
