/**
 * Child of the UDP bench: `bare` answers each datagram by a bare node:dgram echo, `andvari` by a
 * RAIDA server. Sends its port.
 */
import { createSocket } from 'node:dgram';
import { PortableIo } from '@andvari/host-node/io/portable';
import { RaidaServer } from '@andvari/host-node/raida/server';
import { StoreClient } from '@andvari/host-node/store/store-client';

const [kind = 'bare', storeUrl = 'memory:'] = process.argv.slice(2);

async function bare(): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}

async function andvari(): Promise<number> {
  const server = await RaidaServer.start({
    identity: { raidaId: 0, coinId: 6, wire: 'spec', version: '20261121' },
    sizes: { pagesPerDenomination: 16, frames: 2048 },
    storeClient: new StoreClient(),
    storeUrl,
    watcher: { record() {}, recordDropped() {} },
  });
  const io = new PortableIo();
  return (await io.open({ host: '127.0.0.1', port: 0 }, server)).port;
}

process.send?.(kind === 'bare' ? await bare() : await andvari());
process.once('disconnect', () => process.exit(0));
