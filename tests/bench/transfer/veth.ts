/**
 * The same stream over a pair of interfaces, received by the socket (mmsg) and by AF_XDP; the
 * sender's is mmsg both times. Wants root, `ip` and g++.
 */
import { loadTestModule } from '../../../native-io/lib/testing/test-module.ts';
import { CLIENT_IP, ip, SERVER_IP, Veth, whyNoXdp } from '../../../native-io/lib/testing/veth.ts';
import { carryOnce, type SocketsRow } from './sockets.ts';

const MOST = 1472;
const ROUNDS = 3;

/** The best of ROUNDS each; `joined`: the pair handed on what a sender had joined. */
export interface VethRow extends SocketsRow {
  joined: boolean;
}

/** The process stays in a client's namespace. No rows: it cannot be had. */
export async function benchVeth(megabytes: number): Promise<VethRow[]> {
  const rows: VethRow[] = [];
  for (const joined of [true, false]) {
    for (const row of await bestOf(megabytes, joined)) rows.push({ ...row, joined });
  }
  return rows;
}

async function bestOf(megabytes: number, joined: boolean): Promise<SocketsRow[]> {
  if (whyNoXdp()) return [];
  const veth = new Veth();
  // As over a wire: every packet comes alone.
  if (!joined) ip('-n', veth.client, 'link', 'set', veth.clientInterface, 'gso_max_segs', '1');
  const best = new Map<string, SocketsRow>();
  try {
    loadTestModule().enterNamespace(veth.client);
    const sender = { backend: 'mmsg', most: MOST, host: CLIENT_IP } as const;
    for (let round = 0; round < ROUNDS; round++) {
      for (const backend of ['mmsg', 'af_xdp'] as const) {
        const own = backend === 'af_xdp' ? { interface: veth.serverInterface } : {};
        const reader = { backend, most: MOST, host: SERVER_IP, ...own };
        const apart = { namespace: veth.server, wanted: reader };
        const row = { ...(await carryOnce(sender, megabytes * 1e6, apart)), backend };
        if (row.seconds < (best.get(backend)?.seconds ?? Number.POSITIVE_INFINITY)) {
          best.set(backend, row);
        }
      }
    }
  } finally {
    veth.remove();
  }
  return [...best.values()];
}
