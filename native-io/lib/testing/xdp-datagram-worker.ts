/**
 * A datagram socket with AF_XDP in a process of its own: it says `ready`, or the error, and stays
 * until it is killed.
 */
import { loadTestModule } from './test-module.ts';
import { openXdpDatagrams, type XdpDatagramWishes } from './xdp-datagrams.ts';

export interface XdpDatagramWorkerData extends XdpDatagramWishes {
  namespace: string;
  /** Numbers of those that it keeps [all]. */
  capabilities?: number[];
}

function start({ namespace, capabilities, ...wishes }: XdpDatagramWorkerData): object {
  const module = loadTestModule();
  module.enterNamespace(namespace);
  if (capabilities) module.keepCapabilities(capabilities);
  try {
    const { socket } = openXdpDatagrams(wishes);
    socket.addPrefix(1);
    socket.watch(() => socket.receive());
    return { ready: socket.xdp?.mode };
  } catch (error) {
    const { code = '', message, mend = '' } = error as Error & { code?: string; mend?: string };
    return { code, message, mend };
  }
}

console.log(JSON.stringify(start(JSON.parse(process.argv[2] ?? '{}'))));
