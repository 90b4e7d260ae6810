/** An end of the bench of sockets: an endpoint on a core of its own. */
import { CLIENT_IDENTITY } from '../../../host-common/src/engine/configuration.ts';
import { Engine } from '../../../host-common/src/engine/engine.ts';
import { plainEngine } from '../../../host-common/src/engine/module.ts';
import { TransferEndpoint } from '../../../host-common/src/transfer/endpoint.ts';
import { HOST_FRAMES, transferSizes } from '../../../host-common/src/transfer/engine-transfer.ts';
import { identityOf } from '../../../host-common/src/transfer/identity.ts';
import type { WantedBackend } from '../../../host-node/src/io/choose-backend.ts';
import { nodeX25519 } from '../../../host-node/src/transfer/node-x25519.ts';
import { UdpTransport } from '../../../host-node/src/transfer/udp-transport.ts';
import { loadNative } from '../../../native-io/lib/index.ts';

export interface Wanted {
  backend: WantedBackend;
  /** Bytes of UDP payload that packets may have. */
  most: number;
  /** Over a pair of interfaces: where this end is [127.0.0.1], and its own for af_xdp. */
  host?: string;
  interface?: string;
}

const SIZES = { sessions: 1, sentChunks: 1000, blocks: 4096, ranges: 4096 };
/** Frames of af_xdp, as a node has them. */
const FRAMES = 4096;

/** Packets of that size, whatever the way could hold. */
class SizedTransport extends UdpTransport {
  private readonly most: number;

  constructor({ backend, most, host = '127.0.0.1', interface: name }: Wanted) {
    super({ host, port: 0 }, { backend, interface: name });
    this.most = most;
  }

  override get maxDatagramBytes(): number {
    return this.most;
  }
}

export const benchIdentity = (name: number) =>
  identityOf(new Uint8Array(32).fill(name), nodeX25519);

/** `core`: of those that this process may use, where there is the addon to pin it. */
export async function openEnd(name: number, wanted: Wanted, core: number) {
  const addon = loadNative();
  if (!('missing' in addon)) addon.pinThread(core);
  const transport = new SizedTransport(wanted);
  const endpoint = await TransferEndpoint.open({
    engine: Engine.create({
      module: await plainEngine(),
      sizes: transferSizes(SIZES, wanted.backend === 'af_xdp' ? FRAMES : 0),
      hostFrames: HOST_FRAMES,
      identity: CLIENT_IDENTITY,
    }),
    transport,
    identity: benchIdentity(name),
    windowKiB: 16_384,
    x25519: nodeX25519,
  });
  return { transport, endpoint };
}
