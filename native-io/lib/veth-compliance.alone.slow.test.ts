// The suite of every packet socket over a pair of interfaces of its own: AF_XDP, and what a way of
// 1500 bytes means to the others, which replies have to leave by.
import { afterAll, beforeAll, describe } from 'vitest';
import { loadNative, type NativeAddon, type OpenOptions, type PacketSocket } from './index.ts';
import { packetSocketCompliance } from './testing/socket-compliance.ts';
import { Veth, whyNoXdp } from './testing/veth.ts';
import { vethNetwork } from './testing/veth-network.ts';

const why = whyNoXdp();
const native = loadNative();
let veth: Veth;
/** Of the next socket that asks for any: the program has to know it before there is one. */
let anyPort = 30_000;

const throughKernel = vethNetwork(() => veth);
/** A packet that finds no frame in the fill ring is gone. */
const throughXdp = { ...throughKernel, waits: false };

/** Program and socket, which close together. */
function openXdp(native: NativeAddon, options: OpenOptions): PacketSocket {
  const { host } = options;
  const port = options.port || anyPort++;
  const nic = veth.serverInterface;
  return throughXdp.inside(() => {
    const attachment = native.attachXdp({ interface: nic, host, port });
    try {
      const { mapFd, mode } = attachment;
      const own = { interface: nic, queue: 0, mapFd, mode };
      const socket = native.openXdp({ ...options, port, ...own });
      const close = socket.close.bind(socket);
      const both = () => {
        close();
        attachment.close();
      };
      return Object.defineProperty(socket, 'close', { value: both });
    } catch (error) {
      attachment.close();
      throw error;
    }
  });
}

const label = `over a pair of interfaces${why ? ` (DID NOT RUN: ${why})` : ''}`;
describe.skipIf(why !== undefined || 'missing' in native)(label, () => {
  if ('missing' in native) return;
  beforeAll(() => {
    veth = new Veth();
  });
  afterAll(() => veth.remove());
  describe('af_xdp', () => {
    packetSocketCompliance((options) => openXdp(native, options), {}, throughXdp);
  });
  describe.each([
    ['mmsg', native.openMmsg],
    ['io_uring', native.openUring],
  ] as const)('%s', (_, open) => {
    const inside = (options: OpenOptions) => throughKernel.inside(() => open(options));
    packetSocketCompliance(inside, {}, throughKernel);
  });
});
