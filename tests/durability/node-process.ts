/**
 * A server in a process of its own, to be killed: RaidaServer, sqlite store, UDP and TCP on a port
 * of the kernel's choice. Started with a ServerSetup as JSON; writes the port on a line when it
 * listens; ends with its standard input, so that it never outlives a test.
 */
import { PortableIo } from '../../host-node/src/io/portable.ts';
import { RaidaServer } from '../../host-node/src/raida/server.ts';
import { StoreClient } from '../../host-node/src/store/store-client.ts';
import { type ServerSetup, startOptions } from './server-setup.ts';

const setup = JSON.parse(process.argv[2] ?? '') as ServerSetup;
process.stdin.on('end', () => process.exit(0)).resume();
const server = await RaidaServer.start({
  ...(await startOptions(setup)),
  storeClient: new StoreClient(),
  watcher: {
    storeTrouble: (kind, error) => console.error(`store: ${kind}: ${error.message}`),
  },
});
const address = await new PortableIo().open({ host: '127.0.0.1', port: 0 }, server);
console.log(address.port);
