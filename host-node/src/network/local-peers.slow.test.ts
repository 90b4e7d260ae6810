/** All 25 servers as peers, in the long run alone: to verify each other takes them 12 s. */
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import { expect, it, vi } from 'vitest';
import { askControl } from '../io/control-socket.ts';
import { createLogger } from '../log/logger.ts';
import { folderForTests } from '../testing/folder.ts';
import { LocalNetwork } from './local-network.ts';
import { networkFiles } from './network-state.ts';

const long = process.env['ANDVARI_LONG'] === '1';
const folder = folderForTests('local-peers');

it.skipIf(!long)('25 servers verify each other, and the page is told what they say', async () => {
  const network = await LocalNetwork.start({
    ...{ dataDir: folder.path, basePort: 0, httpBasePort: 0, pagePort: 0, ratatoskrPort: 0 },
    ...{ peerPort: 0, wire: 'spec', logger: createLogger({ level: 'silent' }) },
  });
  try {
    await vi.waitFor(
      async () => {
        const { peers } = (await (await fetch(`${network.wallet}/network.json`)).json()) as {
          peers: object[];
        };
        expect(peers).toHaveLength(RAIDA_COUNT);
        for (const [raidaId, peer] of peers.entries()) {
          const seen = { raidaId, verified: 24, others: 24, version: '20261121' };
          const root = { countRoot: expect.stringMatching(/^[0-9a-f]{64}$/) };
          expect(peer).toMatchObject({ ...seen, ...root, load: expect.any(Number) });
        }
      },
      { timeout: 100_000, interval: 500 },
    );
    const rows = network.peers?.rows ?? [];
    expect(new Set(rows.map(({ countRoot }) => countRoot)).size).toBe(1);
    expect(rows.map(({ coins }) => coins)).toEqual(network.nodes.map(({ coins }) => coins));
    expect(rows.every(({ heardBy, refused }) => heardBy === 24 && refused === 0)).toBe(true);
    const { peersSocket } = networkFiles(folder.path);
    for (const raida of [0, 24]) {
      const list = await askControl(peersSocket, { command: 'list', raida });
      expect(list).toMatchObject({ peerId: network.peers?.addresses[raida]?.peerId });
    }
    const nobody = askControl(peersSocket, { command: 'list', raida: 'x' });
    await expect(nobody).rejects.toMatchObject({ code: 'ANDVARI_CONTROL_PROTOCOL' });
  } finally {
    await network.close();
  }
});
