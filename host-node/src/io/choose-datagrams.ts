/** Which way into the kernel the datagrams of a transfer endpoint take. */
import { loadNative } from '@andvari/native-io';
import { BackendError, chooseBackends, type WantedBackend } from './choose-backend.ts';
import type { DatagramIo } from './datagram-io.ts';
import { NativeDatagrams } from './native-datagrams.ts';
import type { SocketAddress } from './packet-io.ts';
import { PortableDatagrams } from './portable-datagrams.ts';

export interface DatagramIoChoice {
  io: DatagramIo;
  /** For the backends that `auto` would have preferred, why they were not taken. */
  better: readonly string[];
}

/**
 * The ways that may be tried, the best first; portable is always the last of `auto`. A server's
 * other backends carry replies only: io_uring would gain nothing where one call moves a batch, and
 * af_xdp would have to know the way to whoever is called.
 * @throws BackendError: one was asked for by its name and is not there
 */
export function chooseDatagrams(wanted: WantedBackend, address: SocketAddress): DatagramIoChoice[] {
  if (wanted === 'io_uring' || wanted === 'af_xdp') {
    throw new BackendError(wanted, 'transfer goes by mmsg or portable');
  }
  const choices: DatagramIoChoice[] = [];
  for (const { backend, better } of chooseBackends({ backend: wanted })) {
    const why = better.filter((reason) => !/^(io_uring|af_xdp):/.test(reason));
    const addon = loadNative();
    if (backend === 'portable') {
      choices.push({ io: new PortableDatagrams(address), better: why });
    } else if (backend === 'mmsg' && !('missing' in addon)) {
      choices.push({ io: new NativeDatagrams(addon, address), better: why });
    }
  }
  return choices;
}
