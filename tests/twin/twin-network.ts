/** 25 twins behind a transport that can be made to fail. */
import { FaultyNetwork } from './faulty-network.ts';
import { TwinServer, type TwinServerOptions } from './raida-twin.ts';
import { vectorRecord } from './vector-state.ts';

export type { NetworkFault as TwinFault } from './faulty-network.ts';

export class TwinNetwork extends FaultyNetwork<TwinServer> {
  constructor(options: Omit<TwinServerOptions, 'raidaId'>) {
    const servers = Array.from({ length: 25 }, (_, raidaId) => {
      const blank = options.blank ?? ((coin) => vectorRecord(raidaId, coin));
      return new TwinServer({ ...options, blank, raidaId });
    });
    super(servers);
  }
}
