import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { SelfMadeCertificates } from '../webtransport/certificates.ts';
import { quicAvailable } from '../webtransport/testing/quic-client.ts';
import type { Authenticator } from './authenticator.ts';
import { RatatoskrEndpoint, type RatatoskrOptions } from './endpoint.ts';
import { filesIn } from './testing/endpoint-files.ts';
import { signerOf, TestPeer } from './testing/test-peer.ts';

function optionsIn(folder: string): RatatoskrOptions {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    files: filesIn(folder),
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

/** An endpoint of the folder, and connections of its one device. */
async function endpointWith(folder: string, more: Partial<RatatoskrOptions>) {
  const logger = createLogger({ level: 'silent' });
  const endpoint = await RatatoskrEndpoint.start({ ...optionsIn(folder), ...more }, { logger });
  const { publicKey } = signerOf('d');
  endpoint.devices.register({ deviceId: 'd', publicKey, userIds: ['u'] });
  const codec = RatatoskrCodec.create({ module: await plainEngine() });
  const peer = async () => {
    const one = new TestPeer(endpoint.describe().url, { deviceId: 'd', userId: 'u', codec });
    await one.opened;
    return one;
  };
  return { endpoint, peer };
}

const inS = (seconds: number) => ({ timestamp: BigInt(Math.floor(Date.now() / 1000) + seconds) });

it('takes messages of the future as far as its skew, and after a restart none twice', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-endpoint-'));
  const first = await endpointWith(folder, { skewS: 3 });
  let peer = await first.peer();
  const hello = peer.connectionRequest('1.0', inS(3));
  expect((await peer.ask(hello)).success).toBe(true);
  const late = await peer.ask(peer.connectionRequest('1.0', inS(6)));
  expect(late.errorCode).toBe('TIMESTAMP_INVALID');
  await first.endpoint.close();

  const second = await endpointWith(folder, { skewS: 3 });
  peer = await second.peer();
  expect((await peer.ask(hello)).errorCode).toBe('TIMESTAMP_INVALID');
  expect((await peer.ask(peer.connectionRequest())).errorCode).toBe('TIMESTAMP_INVALID');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect((await peer.ask(peer.connectionRequest())).success).toBe(true);
  expect((await peer.ask(hello)).errorCode).toBe('TIMESTAMP_INVALID');
  await second.endpoint.close();
  rmSync(folder, { recursive: true });
});

it('without a skew takes nothing of the future; opens nothing with one that is none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-endpoint-'));
  for (const skewS of [-1, 0.5, 3601, Number.NaN]) {
    await expect(endpointWith(folder, { skewS })).rejects.toThrow(RangeError);
  }
  const { endpoint, peer } = await endpointWith(folder, {});
  const one = await peer();
  const early = await one.ask(one.connectionRequest('1.0', inS(3)));
  expect(early.errorCode).toBe('TIMESTAMP_INVALID');
  expect((await one.ask(one.connectionRequest())).success).toBe(true);
  await endpoint.close();
  rmSync(folder, { recursive: true });
});

it('asks its authenticator for each session', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-endpoint-'));
  const asked: unknown[] = [];
  const authenticator: Authenticator = {
    admit: (credentials) => {
      asked.push(credentials);
      return credentials.authenticationToken === 'good';
    },
  };
  const { endpoint, peer } = await endpointWith(folder, { authenticator });
  const ask = async (token: string) => {
    const one = await peer();
    return one.ask(one.connectionRequest('1.0', {}, token));
  };
  expect((await ask('good')).success).toBe(true);
  expect((await ask('bad')).errorCode).toBe('CONNECTION_REJECTED');
  const who = { deviceId: 'd', userId: 'u', deviceIdentity: 'identity' };
  expect(asked).toEqual([
    { ...who, authenticationToken: 'good' },
    { ...who, authenticationToken: 'bad' },
  ]);
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
