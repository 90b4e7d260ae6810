/** The suite of every PacketIo with AF_XDP, over a pair of interfaces of its own. */
import { loadNative, type NativeAddon } from '@andvari/native-io';
import { afterAll, beforeAll, describe } from 'vitest';
import {
  describePacketIo,
  type PacketIoNetwork,
} from '../../host-node/src/io/packet-io.compliance.ts';
import { NativeOnSink } from '../../host-node/src/io/testing/native-on-sink.ts';
import { loadTestModule } from '../../native-io/lib/testing/test-module.ts';
import {
  CLIENT_IP,
  CLIENT_IP6,
  SERVER_IP,
  SERVER_IP6,
  Veth,
  whyNoXdp,
} from '../../native-io/lib/testing/veth.ts';

const why = whyNoXdp();
let veth: Veth;
let port = 31_000;

const inServer = <T>(work: () => T): T => loadTestModule().inNamespace(veth.server, work);
const network: PacketIoNetwork = {
  hosts: [SERVER_IP, SERVER_IP6],
  senders: [CLIENT_IP, CLIENT_IP6],
  isLocal: false,
  insideOfPeer: (work) => loadTestModule().inNamespace(veth.client, work),
  insideOfServer: inServer,
};

describe.skipIf(why !== undefined)(`af_xdp${why ? ` (DID NOT RUN: ${why})` : ''}`, () => {
  beforeAll(() => {
    veth = new Veth();
  });
  afterAll(() => veth.remove());
  const make = () =>
    new NativeOnSink(loadNative() as NativeAddon, 'af_xdp', {
      inside: inServer,
      senderV6: CLIENT_IP6,
      interface: veth.serverInterface,
      anyPort: () => port++,
    });
  describePacketIo('af_xdp', make, network);
});
