/** Which way into the kernel the datagrams of a transfer endpoint take. */
import { loadNative } from '@andvari/native-io';
import { BackendError, chooseBackends, type WantedBackend } from './choose-backend.ts';
import type { DatagramIo } from './datagram-io.ts';
import { NativeDatagrams, type XdpPlace } from './native-datagrams.ts';
import type { SocketAddress } from './packet-io.ts';
import { PortableDatagrams } from './portable-datagrams.ts';

export interface DatagramIoChoice {
  io: DatagramIo;
  /** For the backends that `auto` would have preferred, why they were not taken. */
  better: readonly string[];
}

/**
 * The ways that may be tried, the best first; portable is always the last of `auto`. af_xdp, which
 * takes a whole interface's program and four capabilities, is had by its name alone. A server's
 * io_uring carries replies only, and would gain nothing where one call moves a batch.
 * @throws BackendError: one was asked for by its name and is not there
 */
export function chooseDatagrams(
  wanted: WantedBackend,
  address: SocketAddress,
  xdp?: XdpPlace,
): DatagramIoChoice[] {
  if (wanted === 'io_uring') {
    throw new BackendError(wanted, 'transfer goes by mmsg, af_xdp or portable');
  }
  if (wanted === 'af_xdp' && !xdp) throw new BackendError(wanted, 'no interface is named for it');
  const name = xdp && { interface: xdp.interface };
  const choices: DatagramIoChoice[] = [];
  for (const { backend, better } of chooseBackends({ backend: wanted, ...name })) {
    const why = better.filter((reason) => !/^(io_uring|af_xdp):/.test(reason));
    const addon = loadNative();
    if (backend === 'portable') {
      choices.push({ io: new PortableDatagrams(address), better: why });
    } else if (!('missing' in addon) && (backend === 'mmsg' || backend === wanted)) {
      const place = backend === 'af_xdp' ? xdp : undefined;
      choices.push({ io: new NativeDatagrams(addon, address, place), better: why });
    }
  }
  return choices;
}
