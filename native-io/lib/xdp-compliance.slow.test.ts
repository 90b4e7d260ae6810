// AF_XDP against the suite of every packet socket, over a pair of interfaces of its own.
import { afterAll, beforeAll, describe } from 'vitest';
import { loadNative, type OpenOptions, type PacketSocket } from './index.ts';
import { type ComplianceNetwork, packetSocketCompliance } from './testing/socket-compliance.ts';
import { loadTestModule } from './testing/test-module.ts';
import { UdpClient } from './testing/udp-client.ts';
import { CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, Veth, whyNoXdp } from './testing/veth.ts';

const why = whyNoXdp();
const native = loadNative();
let veth: Veth;
/** Of the next socket that asks for any: the program has to know it before there is one. */
let anyPort = 30_000;

const network: ComplianceNetwork = {
  hosts: [SERVER_IP, SERVER_IP6],
  hashV6: 0x9c94ed16,
  // A packet that finds no frame in the fill ring is gone.
  waits: false,
  client: (to) =>
    UdpClient.open(to, to.host === SERVER_IP ? CLIENT_IP : CLIENT_IP6, (work) =>
      loadTestModule().inNamespace(veth.client, work),
    ),
  inside: (work) => loadTestModule().inNamespace(veth.server, work),
};

/** Program and socket, which close together. */
function open(options: OpenOptions): PacketSocket {
  if ('missing' in native) throw new Error(native.missing);
  const { host } = options;
  const port = options.port || anyPort++;
  const nic = veth.serverInterface;
  return network.inside(() => {
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

describe.skipIf(why !== undefined)(`af_xdp${why ? ` (DID NOT RUN: ${why})` : ''}`, () => {
  beforeAll(() => {
    veth = new Veth();
  });
  afterAll(() => veth.remove());
  packetSocketCompliance(open, {}, network);
});
