/** 25 twins behind a transport that can be made to fail in every way the wallet must survive. */
import {
  type ExchangeOptions,
  type RaidaTransport,
  TransportError,
} from '../../host-common/src/raida/transport.ts';
import { TwinServer, type TwinServerOptions } from './raida-twin.ts';
import { vectorRecord } from './vector-state.ts';

/**
 * What happens to one request. `lost`: it never arrives. `unanswered`: executed, no reply comes.
 * `late`: no reply comes, and it arrives only when deliverLate() is called. `down`: no connection.
 * A function changes the reply.
 */
export type TwinFault = 'lost' | 'unanswered' | 'late' | 'down' | ((reply: Buffer) => Uint8Array);

/** A server as the network needs it: a twin, or a real engine (engine-server.ts). */
export interface NetworkServer {
  readonly raidaId: number;
  /** The reply to one whole message; null: silence. */
  answer(request: Uint8Array, delivery: { transport: 'message' }): Uint8Array | null;
  /** The AN that it holds now. */
  held(coin: TwinCoin): Buffer | undefined;
}

export class TwinNetwork<Server extends NetworkServer = TwinServer> implements RaidaTransport {
  readonly servers: readonly Server[];
  /** Decides about each request; undefined delivers it. */
  fault: (raidaId: number, request: Uint8Array) => TwinFault | undefined = () => undefined;
  /** Requests that were handed over, faults included. */
  exchanges = 0;
  private readonly held: { raidaId: number; request: Uint8Array }[] = [];

  private constructor(servers: readonly Server[]) {
    this.servers = servers;
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
    if (fault === 'late') this.held.push({ raidaId, request: copy });
    const silent = fault === 'lost' || fault === 'late';
    const reply = silent ? null : this.server(raidaId).answer(copy, { transport: 'message' });
    if (!reply || fault === 'unanswered' || silent) {
      throw new TransportError('ANDVARI_TIMEOUT', raidaId, 'no reply');
    }
    return new Uint8Array(typeof fault === 'function' ? fault(reply) : reply);
  }

  /** Requests that were under way for a long time arrive at last; nobody reads their replies. */
  deliverLate(): void {
    for (const { raidaId, request } of this.held.splice(0)) {
      this.server(raidaId).answer(request, { transport: 'message' });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
