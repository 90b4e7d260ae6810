/** The crash scenarios with the engine on both sides: its codec, and 25 of it as servers. */
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { EngineCodec } from '../../host-common/src/raida/codec.ts';
import { scenario, step, type World } from './crash-scenario.ts';
import { EngineServer } from './engine-server.ts';
import { FaultyNetwork } from './faulty-network.ts';

let module: WebAssembly.Module;
let codec: EngineCodec;
beforeAll(async () => {
  module = await plainEngine();
  codec = new EngineCodec(module, { wire: 'spec', coinId: 6 });
});

function world(): World & { network: FaultyNetwork<EngineServer> } {
  const servers = Array.from({ length: 25 }, (_, raidaId) => new EngineServer(module, raidaId));
  return { network: new FaultyNetwork(servers), codec };
}

/** What each costs is set-up: a world of its own. */
const RUNS = process.env.ANDVARI_LONG === '1' ? 100 : 8;

test('a change of ownership loses nothing, wherever it is cut off', async () => {
  let changed = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
      const { network, codec } = world();
      const before = network.server(0).held({ denomination: 0, serialNumber: 4 });
      await scenario({ network, codec }, steps);
      const after = network.server(0).held({ denomination: 0, serialNumber: 4 });
      if (before && after && !after.equals(before)) changed++;
    }),
    { numRuns: RUNS },
  );
  expect(changed).toBe(RUNS);
});
