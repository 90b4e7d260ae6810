/** The end that reads: tells its port, then how long the stream took from its first byte on. */
import { openEnd, type Wanted } from './sockets-end.ts';

const wanted = JSON.parse(process.argv[2] ?? '') as Wanted;
const { transport, endpoint } = await openEnd(2, wanted, 1);
console.log(transport.bound.port);
const { value: session } = await endpoint.incoming.getReader().read();
const { value: stream } = (await session?.incoming.getReader().read()) ?? {};
let bytes = 0;
let started = 0;
let cpu = process.cpuUsage();
for await (const piece of stream?.readable ?? []) {
  if (bytes === 0) {
    started = performance.now();
    cpu = process.cpuUsage();
  }
  bytes += piece.length;
}
const { user, system } = process.cpuUsage(cpu);
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ bytes, seconds, cpuSeconds: (user + system) / 1e6 }));
// The other end has to hear that all has come.
await session?.closed;
await endpoint.close();
