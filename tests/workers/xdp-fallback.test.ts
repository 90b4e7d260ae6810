/**
 * What `auto` does with an interface by which nothing would come: the address that it listens at is
 * another's. The whole process is in a namespace of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BackendError, type IoOptions } from '../../host-node/src/io/choose-backend.ts';
import { createLogger } from '../../host-node/src/log/logger.ts';
import { AndvariNode } from '../../host-node/src/node.ts';
import { StoreClient } from '../../host-node/src/store/store-client.ts';
import { loadTestModule } from '../../native-io/lib/testing/test-module.ts';
import { SERVER_IP, Veth, whyNoXdp } from '../../native-io/lib/testing/veth.ts';

const why = whyNoXdp();
const label = `af_xdp at an address${why ? ` (DID NOT RUN: ${why})` : ''}`;

describe.skipIf(why !== undefined)(label, () => {
  let veth: Veth;
  const storeThread = new StoreClient();
  const dataDir = mkdtempSync(join(tmpdir(), 'andvari-fallback-'));
  beforeAll(() => {
    veth = new Veth();
    loadTestModule().enterNamespace(veth.server);
  });
  afterAll(async () => {
    await storeThread.close();
    rmSync(dataDir, { recursive: true });
    veth?.remove();
  });

  /** The log's line about packets, of a node that is closed again. */
  async function packetsLine(backend: IoOptions['backend'], host: string): Promise<object> {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const node = await AndvariNode.start(
      {
        ...{ listen: { host, port: 25_000 }, raidaId: 0, coinId: 6, wire: 'spec', modern: false },
        ...{ pagesPerDenomination: 1, storeUrl: 'memory:', dataDir },
        io: { backend, workers: 1, interface: veth.serverInterface },
      },
      { storeThread, logger: createLogger({ level: 'info', json: true, write }) },
    );
    await node.close();
    const parsed = lines.map((line) => JSON.parse(line) as { msg: string });
    return parsed.find(({ msg }) => msg === 'packets') ?? {};
  }

  it('that the interface has is taken', async () => {
    const line = await packetsLine('auto', SERVER_IP);
    expect(line).toMatchObject({ backend: 'af_xdp' });
    expect(line).not.toHaveProperty('passedOver');
  });

  it('that it has not is left to the next backend, which says why', async () => {
    const line = await packetsLine('auto', '127.0.0.1');
    expect(line).not.toMatchObject({ backend: 'af_xdp' });
    expect(line).toMatchObject({
      passedOver: expect.stringMatching(
        /^af_xdp: vs has no address 127\.0\.0\.1 \(give .*, or listen at 0\.0\.0\.0\)/,
      ),
    });
  });

  it('that it has not is refused when it is af_xdp by name', async () => {
    const starting = packetsLine('af_xdp', '127.0.0.1');
    await expect(starting).rejects.toThrow(BackendError);
    await expect(starting).rejects.toMatchObject({ code: 'ANDVARI_ADDRESS' });
  });
});
