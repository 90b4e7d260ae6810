import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { SelfMadeCertificates } from '../webtransport/certificates.ts';
import { quicAvailable } from '../webtransport/testing/quic-client.ts';
import { RatatoskrEndpoint, type RatatoskrOptions } from './endpoint.ts';
import { signerOf } from './testing/test-peer.ts';

function optionsIn(folder: string): RatatoskrOptions {
  const file = (name: string) => join(folder, name);
  return {
    listen: { host: '127.0.0.1', port: 0 },
    files: {
      ...{ devices: file('devices.json'), serverKey: file('key') },
      ...{ audit: file('audit'), answers: file('answers.db') },
    },
    services: () => ({ routes: new Map() }),
  };
}

it('keeps what a program has changed of its devices over a reload', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-endpoint-'));
  const logger = createLogger({ level: 'silent' });
  const endpoint = await RatatoskrEndpoint.start(optionsIn(folder), { logger });
  for (const deviceId of ['a', 'b']) {
    const { publicKey } = signerOf(deviceId);
    endpoint.devices.register({ deviceId, publicKey, userIds: ['u'] });
  }
  endpoint.devices.revoke('a');
  endpoint.reload();
  expect(['a', 'b'].map((id) => endpoint.devices.find(id)?.deviceId)).toEqual([undefined, 'b']);
  await endpoint.close();
  rmSync(folder, { recursive: true });
});

it.runIf(quicAvailable)(
  'logs the hashes of its certificates at each change, and then alone',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'andvari-endpoint-'));
    const logger = createLogger({ level: 'silent' });
    const logged: unknown[] = [];
    logger.info = (record: { hashes?: unknown }) => {
      if (record.hashes) logged.push(record.hashes);
    };
    const webTransport = new SelfMadeCertificates(['127.0.0.1'], Date.now());
    const endpoint = await RatatoskrEndpoint.start(
      { ...optionsIn(folder), webTransport },
      { logger },
    );
    const now = () => endpoint.describe().webTransport?.certificateHashes;
    const hashes = [now(), now()];
    expect(logged).toEqual([hashes[0]]);
    for (let count = 0; count < 2; count++) {
      webTransport.rotate(Date.now());
      hashes.push(now());
    }
    expect(logged).toEqual([hashes[0], hashes[2], hashes[3]]);
    expect(new Set(logged.flat()).size).toBe(4);
    await endpoint.close();
    rmSync(folder, { recursive: true });
  },
);
