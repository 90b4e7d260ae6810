/** Servers in memory behind a transport that fails in every way a wallet must survive. */
import {
  type ExchangeOptions,
  type RaidaTransport,
  TransportError,
} from '../../host-common/src/raida/transport.ts';
import type { TwinCoin } from './twin-coins.ts';

/** A server as the network needs it: a twin (raida-twin.ts) or a real engine (engine-server.ts). */
export interface NetworkServer {
  readonly raidaId: number;
  /** The reply to one whole message; null: silence. */
  answer(request: Uint8Array, delivery: { transport: 'message' }): Uint8Array | null;
  /** The AN that the coin has there now. */
  held(coin: TwinCoin): Buffer | undefined;
}

/**
 * What happens to one request. `lost`: it never arrives. `unanswered`: executed, no reply comes.
 * `late`: no reply comes, and it arrives only when deliverLate() is called. `down`: no connection.
 * A function changes the reply.
 */
export type NetworkFault =
  | 'lost'
  | 'unanswered'
  | 'late'
  | 'down'
  | ((reply: Buffer) => Uint8Array);

export class FaultyNetwork<Server extends NetworkServer = NetworkServer> implements RaidaTransport {
  readonly servers: readonly Server[];
  /** Decides about each request; undefined delivers it. */
  fault: (raidaId: number, request: Uint8Array) => NetworkFault | undefined = () => undefined;
  /** Requests that were handed over, faults included. */
  exchanges = 0;
  private readonly late: { raidaId: number; request: Uint8Array }[] = [];

  /** `servers`: 25, in order of RAIDA id. */
  constructor(servers: readonly Server[]) {
    this.servers = servers;
  }

  server(raidaId: number): Server {
    return this.servers[raidaId] as Server;
  }

  async exchange(
    raidaId: number,
    request: Uint8Array,
    { signal }: ExchangeOptions,
  ): Promise<Uint8Array> {
    this.exchanges++;
    const copy = new Uint8Array(request);
    await Promise.resolve();
    if (signal?.aborted) throw new TransportError('ANDVARI_CLOSED', raidaId, 'cancelled');
    const fault = this.fault(raidaId, copy);
    if (fault === 'down') throw new TransportError('ANDVARI_UNREACHABLE', raidaId, 'is down');
    if (fault === 'late') this.late.push({ raidaId, request: copy });
    const silent = fault === 'lost' || fault === 'late';
    const reply = silent ? null : this.server(raidaId).answer(copy, { transport: 'message' });
    if (!reply || fault === 'unanswered' || silent) {
      throw new TransportError('ANDVARI_TIMEOUT', raidaId, 'no reply');
    }
    return new Uint8Array(typeof fault === 'function' ? fault(Buffer.from(reply)) : reply);
  }

  /** Requests that were under way for a long time arrive at last; nobody reads their replies. */
  deliverLate(): void {
    for (const { raidaId, request } of this.late.splice(0)) {
      this.server(raidaId).answer(request, { transport: 'message' });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
