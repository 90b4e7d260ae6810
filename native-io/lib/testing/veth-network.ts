/** A pair of interfaces as the network of the suite of every packet socket. */
import type { ComplianceNetwork } from './socket-compliance.ts';
import { loadTestModule } from './test-module.ts';
import { UdpClient } from './udp-client.ts';
import { CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, type Veth } from './veth.ts';

/** `veth` is asked when something is opened, after the suite has been described. */
export function vethNetwork(veth: () => Veth): ComplianceNetwork {
  return {
    hosts: [SERVER_IP, SERVER_IP6],
    hashV6: 0x9c94ed16,
    waits: true,
    client: (to) =>
      UdpClient.open(to, to.host === SERVER_IP ? CLIENT_IP : CLIENT_IP6, (work) =>
        loadTestModule().inNamespace(veth().client, work),
      ),
    inside: (work) => loadTestModule().inNamespace(veth().server, work),
  };
}
